import { expect } from 'chai';
import { joined, joinMs, proxiesOf } from '../../../../src/cluster/status/proxies.ts';
import { types } from '../../../../src/model/type-urls.ts';
import { proxy, stream, view } from '../../../support/status-facts.ts';

const web = view('foo', { app: 'web' });
const facts = { id: 'sidecar~a', name: 'a.foo', view: web.id, connectedAt: 0 };

describe('the proxies behind streams', () => {
  it('have acknowledged what the last of their types has, and show what they refused', () => {
    const one = stream('a', web, 7);
    const [clusters, listeners] = one.types;
    const types = [
      { ...clusters, generation: 5 },
      { ...listeners, refused: 'no such filter' },
    ] as typeof one.types;
    expect(proxiesOf([{ ...one, types }])).to.deep.equal([{ ...facts, generation: 5, refused: 'no such filter' }]);
  });

  it('have acknowledged nothing before they ask for listeners', () => {
    const one = stream('a', web, 7);
    expect(proxiesOf([{ ...one, types: one.types.slice(0, 1) }])).to.deep.equal([
      { ...facts, generation: 0, refused: '' },
    ]);
    expect(proxiesOf([{ ...one, types: [] }])).to.deep.equal([{ ...facts, generation: 0, refused: '' }]);
  });

  it('count once: the newest stream says what holds', () => {
    const old = { ...stream('a', web, 9), connectedAt: 1 };
    const fresh = { ...stream('a', web, 4), connectedAt: 2 };
    expect(proxiesOf([fresh, old])).to.deep.equal([{ ...facts, connectedAt: 2, generation: 4, refused: '' }]);
  });

  it('may have a stream for each type', () => {
    const of = (type: (typeof types)['cluster'], generation: number, connectedAt: number) => ({
      ...stream('a', web, 0),
      aggregated: false,
      connectedAt,
      types: [{ type, generation, refused: '' }],
    });
    const streams = [of(types.listener, 3, 1), of(types.cluster, 2, 2), of(types.cluster, 8, 3)];
    expect(proxiesOf(streams)).to.deep.equal([{ ...facts, connectedAt: 3, generation: 3, refused: '' }]);
  });
});

describe('proxies that have just connected', () => {
  it('do not count until they have everything for the first time, or take too long, or refuse something', () => {
    const at = (id: string, generation: number, connectedAt: number, refused = '') => ({
      ...proxy(id, web, generation, refused),
      connectedAt,
    });
    const all = [at('a', 0, 1_000), at('b', 0, 2_000), at('c', 5, 2_000), at('d', 0, 2_000, 'no')];
    const ids = (now: number) => {
      const { proxies, nextAt } = joined(all, now);
      return [proxies.map(({ id }) => id).join(), nextAt];
    };
    expect(ids(2_000)).to.deep.equal(['c,d', 1_000 + joinMs]);
    expect(ids(1_000 + joinMs)).to.deep.equal(['a,c,d', 2_000 + joinMs]);
    expect(ids(2_000 + joinMs)).to.deep.equal(['a,b,c,d', undefined]);
  });
});
