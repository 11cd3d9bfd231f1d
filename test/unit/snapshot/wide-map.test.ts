import { expect } from 'chai';
import fc from 'fast-check';
import { WideMap } from '../../../src/snapshot/wide-map.ts';

const edit = fc.tuple(
  fc.integer({ min: 0, max: 40 }).map((n) => `name-${n}`),
  fc.option(fc.integer(), { nil: undefined }),
);

const sorted = <V>(map: Iterable<readonly [string, V]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('WideMap', () => {
  it('holds what a plain map would, and so do all copies that were made on the way', () => {
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 10 }), { maxLength: 6 }), (rounds) => {
        let wide = WideMap.from<number>([]);
        const plain = new Map<string, number>();
        const kept: [WideMap<number>, readonly (readonly [string, number])[]][] = [];
        for (const round of rounds) {
          wide = wide.copy();
          for (const [key, value] of round) {
            if (value === undefined) expect(wide.delete(key)).to.equal(plain.delete(key));
            else {
              wide.set(key, value);
              plain.set(key, value);
            }
          }
          kept.push([wide, sorted(plain)]);
        }
        for (const [map, entries] of kept) {
          expect(sorted(map)).to.deep.equal(entries);
          expect(map.size).to.equal(entries.length);
          expect([...map.keys()].sort()).to.deep.equal(entries.map(([key]) => key));
          expect([...map.values()]).to.have.members(entries.map(([, value]) => value));
          for (const [key, value] of entries) expect([map.get(key), map.has(key)]).to.deep.equal([value, true]);
        }
      }),
    );
  });

  it('spreads names that differ in their numbers alone', () => {
    const map = WideMap.from(Array.from({ length: 10_000 }, (_, i) => [`policy-${i}`, i] as const));
    expect(map.size).to.equal(10_000);
    expect(map.get('policy-9999')).to.equal(9_999);
    expect(map.get('policy-10000')).to.equal(undefined);
  });
});
