import { expect } from 'chai';
import { viewId } from '../../../src/model/ids.ts';
import { types } from '../../../src/model/type-urls.ts';
import { Parking, takeApart } from '../../../src/xds/nack.ts';
import { resource } from '../../support/xds-resources.ts';

const error = (message: string) => ({ code: 13, message });
const view = viewId('shop');

describe('parking', () => {
  it('keeps a refused version from who refused it, and from its view once two did, with Envoy’s words and who said them', () => {
    const parking = new Parking();
    const where = { view, type: types.cluster, name: 'a', version: '1', since: 7 };
    expect(parking.park(where, 'web-1.shop', error('no'))).to.equal(true);
    const kept = (proxy: string, version = '1') => parking.of(view, types.cluster, proxy).has('a', version);
    expect([kept('web-1.shop'), kept('web-2.shop')], 'one alone speaks for itself').to.deep.equal([true, false]);
    expect(parking.park(where, 'web-1.shop', error('no'))).to.equal(false);
    expect(kept('web-3.shop'), 'also if it says it twice').to.equal(false);
    expect(parking.park(where, 'web-2.shop', error('no!'))).to.equal(false);
    expect([kept('web-3.shop'), kept('web-3.shop', '2')], 'two are enough').to.deep.equal([true, false]);
    expect(parking.of(view, types.listener, 'web-1.shop').size).to.equal(0);
    expect(parking.of(viewId('bank'), types.cluster, 'web-1.shop').size).to.equal(0);
    expect(parking.list()).to.deep.equal([{ ...where, message: 'no', proxies: ['web-1.shop', 'web-2.shop'] }]);
    expect(parking.park({ ...where, version: '2', since: 9 }, 'web-1.shop', error('again'))).to.equal(true);
    expect(parking.list()).to.deep.equal([
      { ...where, version: '2', since: 9, message: 'again', proxies: ['web-1.shop'] },
    ]);
  });

  it('shows what is out at present, and still remembers what was refused', () => {
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
    parking.park({ ...where, version: '2' }, 'web', error('no'));
    expect(['1', '2', '3'].map((version) => parking.of(view, types.cluster, 'web').has('a', version))).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('is bounded', () => {
    const parking = new Parking(2);
    for (let i = 0; i < 2000; i++) {
      parking.park({ view, type: types.cluster, name: `${i}`, version: '1', since: 0 }, `p${i}`, error('no'));
      parking.park({ view, type: types.listener, name: 'a', version: '1', since: 0 }, `p${i}`, error('no'));
    }
    expect(parking.of(view, types.cluster, 'p').size).to.equal(1024);
    expect(parking.list().find((each) => each.type === types.listener)?.proxies.length).to.equal(16);
    parking.park({ view: viewId('bank'), type: types.cluster, name: 'a', version: '1', since: 0 }, 'p', error('no'));
    expect(parking.of(view, types.cluster, 'p').size).to.equal(0);
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
