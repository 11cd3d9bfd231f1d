import { encode } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import { NameSets } from '../../../src/xds/name-set.ts';
import { parseRequest, requestTags } from '../../../src/xds/request.ts';

const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'));

describe('name sets', () => {
  it('exist once each, however they came about', () => {
    const sets = new NameSets();
    fc.assert(
      fc.property(names, names, names, (start, added, removed) => {
        const changed = sets.change(sets.of(start), added, removed);
        const wanted = new Set([...start, ...added]).difference(
          new Set(removed.filter((name) => !added.includes(name))),
        );
        expect([...changed.names].sort()).to.deep.equal([...wanted].sort());
        expect(sets.of([...wanted].reverse())).to.equal(changed);
        const rest = sets.minus(sets.of(start), sets.of(removed));
        expect(rest).to.equal(sets.of(new Set(start).difference(new Set(removed))));
        expect(sets.with(sets.of(start), sets.of(added))).to.equal(sets.of([...start, ...added]));
      }),
    );
  });

  it('are read from equal requests once', () => {
    const sets = new NameSets();
    const range = (resourceNamesSubscribe: readonly string[]) => {
      const bytes = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { resourceNamesSubscribe });
      return parseRequest(Buffer.from(bytes), 'delta').names;
    };
    const many = Array.from({ length: 20 }, (_, i) => `name-${i}`);
    const set = sets.fromWire(range(many), requestTags.names);
    expect([...set.names]).to.deep.equal(many);
    expect(sets.fromWire(range(many), requestTags.names)).to.equal(set);
    expect(sets.fromWire(range([...many].reverse()), requestTags.names)).to.equal(set);
    expect(sets.fromWire(range([]), requestTags.names)).to.equal(sets.empty);
  });
});
