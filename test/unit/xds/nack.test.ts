import { expect } from 'chai';
import { viewId } from '../../../src/model/ids.ts';
import { types } from '../../../src/model/type-urls.ts';
import { Parking, Refusals, takeApart } from '../../../src/xds/nack.ts';
import { resource } from '../../support/xds-resources.ts';

const error = (message: string) => ({ code: 13, message });
const view = viewId('shop');

describe('refusals of a stream', () => {
  it('keep what was refused from it until the content changes, and remember content that comes back', () => {
    const refusals = new Refusals();
    const has = (version: string) => refusals.of(types.cluster).has('a', version);
    expect(has('1')).to.equal(false);
    refusals.add(types.cluster, 'a', '1');
    refusals.add(types.cluster, 'a', '2');
    expect(['1', '2', '3'].map(has)).to.deep.equal([true, true, false]);
    expect(refusals.of(types.listener).size).to.equal(0);
  });

  it('are bounded', () => {
    const refusals = new Refusals();
    for (let i = 0; i < 2000; i++) refusals.add(types.cluster, `${i}`, '1');
    for (let i = 0; i < 10; i++) refusals.add(types.cluster, '1999', `${i}`);
    expect(refusals.of(types.cluster).size).to.equal(1024);
    expect(refusals.of(types.cluster).has('1999', '5')).to.equal(false);
  });
});

describe('parking', () => {
  it('shows a refused version once for its view, with Envoy’s words and who said them', () => {
    const parking = new Parking();
    const where = { view, type: types.cluster, name: 'a', version: '1', since: 7 };
    expect(parking.park(where, 'web-1.shop', error('no'))).to.equal(true);
    expect(parking.park(where, 'web-2.shop', error('no!'))).to.equal(false);
    expect(parking.list()).to.deep.equal([{ ...where, message: 'no', proxies: ['web-1.shop', 'web-2.shop'] }]);
    expect(parking.park({ ...where, version: '2', since: 9 }, 'web-1.shop', error('again'))).to.equal(true);
    expect(parking.list()).to.deep.equal([
      { ...where, version: '2', since: 9, message: 'again', proxies: ['web-1.shop'] },
    ]);
  });

  it('shows what is out at present', () => {
    const parking = new Parking();
    const where = { view, type: types.cluster, name: 'a', since: 7 };
    parking.park({ ...where, version: '1' }, 'web', error('no'));
    const payload = (name: string, version: string) => {
      const resources = [resource(types.cluster, name, version)];
      return { version: 'whole', content: { resources, removed: [] } };
    };
    parking.accepted(view, types.listener, payload('a', '2'));
    parking.accepted(view, types.cluster, payload('b', '1'));
    // One proxy took what another one refused.
    parking.accepted(view, types.cluster, payload('a', '1'));
    expect(parking.list().length).to.equal(1);
    parking.accepted(view, types.cluster, payload('a', '2'));
    expect(parking.list()).to.deep.equal([]);
  });

  it('is bounded', () => {
    const parking = new Parking(2);
    for (let i = 0; i < 2000; i++) {
      parking.park({ view, type: types.cluster, name: `${i}`, version: '1', since: 0 }, `p${i}`, error('no'));
      parking.park({ view, type: types.listener, name: 'a', version: '1', since: 0 }, `p${i}`, error('no'));
    }
    expect(parking.list().length).to.equal(1025);
    expect(parking.list().find((each) => each.type === types.listener)?.proxies.length).to.equal(16);
    parking.park({ view: viewId('bank'), type: types.cluster, name: 'a', version: '1', since: 0 }, 'p', error('no'));
    expect(parking.list().map((each) => each.view)).to.deep.equal([view, viewId('bank')]);
  });
});

describe('takeApart', () => {
  it('sets what the message names apart', () => {
    expect(takeApart(['a1', 'b1', 'c1'], 'error in c1')).to.deep.equal([['a1', 'b1'], ['c1']]);
    expect(takeApart(['a1', 'b1', 'c1'], 'b1, c1')).to.deep.equal([['a1'], ['b1'], ['c1']]);
  });

  it('halves where the message names none, or all', () => {
    expect(takeApart(['a1', 'b1', 'c1'], '?')).to.deep.equal([['a1', 'b1'], ['c1']]);
    expect(takeApart(['a1', 'b1'], 'a1 b1')).to.deep.equal([['a1'], ['b1']]);
  });
});
