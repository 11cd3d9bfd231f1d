import { encode } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Resource } from '../../src/model/resource.ts';
import { types } from '../../src/model/type-urls.ts';
import { WireVersions } from '../../src/xds/initial-versions.ts';
import { NameSets } from '../../src/xds/name-set.ts';
import { parseRequest } from '../../src/xds/request.ts';
import { versionsOf } from '../support/xds-versions.ts';

const name = fc.oneof(
  fc.constantFrom('a', 'b', '80/a', '80/b', '8080/a'),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
// Few versions, so that different resources often have the same one.
const version = fc.oneof(
  fc.constantFrom('v1', 'v2', 'AAAABBBBCCCCDDDD', 'AAAABBBBCCCCDDDE', ''),
  fc.string({ maxLength: 10 }),
);
const held = fc.array(fc.tuple(name, version), { maxLength: 30 });

function layers(entries: readonly (readonly [string, string])[], split: number) {
  const resources = [...new Map(entries)].map(([each, its]): readonly [string, Resource] => [
    each,
    { type: types.cluster, name: each, version: its, body: new Uint8Array() },
  ]);
  return [
    { key: 'shared', resources: new Map(resources.slice(split)) },
    { key: 'own', resources: new Map(resources.slice(0, split)) },
  ];
}

describe('initial_resource_versions', () => {
  it('read as bytes differ from the layers in what a plain map differs', () => {
    const sets = new NameSets();
    fc.assert(
      fc.property(
        held,
        held,
        fc.nat(10),
        fc.boolean(),
        fc.array(name, { maxLength: 8 }),
        fc.constantFrom(types.endpoint, types.virtualHost),
        (theirs, ours, split, wildcard, names, type) => {
          const map = new Map(theirs);
          const initialResourceVersions = Object.fromEntries(map);
          const request = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { initialResourceVersions });
          const range = parseRequest(Buffer.from(request), 'delta').initialVersions;
          const subscription = { wildcard, names: sets.of(names) };
          const scanned = new WireVersions(range);
          // protobuf has no `__proto__` key in a plain object; what was encoded counts.
          const plain = versionsOf(new Map(scanned.entries()));
          const state = layers(ours, split);
          const sorted = (differences: ReadonlyMap<string, string | undefined>) =>
            [...differences].sort(([a], [b]) => (a < b ? -1 : 1));
          expect(sorted(scanned.compare(state, subscription, type))).to.deep.equal(
            sorted(plain.compare(state, subscription, type)),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });
});
