import { expect } from 'chai';
import fc from 'fast-check';
import type { SourceEvent } from '../../src/config/source.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { objectKey } from '../../src/model/object.ts';
import { subject } from '../../src/snapshot/diff.ts';
import { all, fieldOfKind, type Snapshot } from '../../src/snapshot/snapshot.ts';
import { Store } from '../../src/snapshot/store.ts';
import { anyObject } from '../support/universe.ts';

const anyEvent: fc.Arbitrary<SourceEvent> = fc.oneof(
  { weight: 8, arbitrary: anyObject.map((object): SourceEvent => ({ type: 'apply', object })) },
  {
    weight: 4,
    arbitrary: anyObject.map(
      ({ kind, meta: { namespace, name } }): SourceEvent => ({ type: 'delete', ref: { kind, namespace, name } }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(anyObject, { maxLength: 6 }).map((objects): SourceEvent => ({ type: 'reset', objects })),
  },
);
const anyBatches = fc.array(fc.array(anyEvent, { maxLength: 6 }), { maxLength: 8 });

/** The same, as simply as it can be said: a map. */
function play(model: Map<string, MeshObject>, event: SourceEvent): void {
  if (event.type === 'apply') model.set(objectKey(event.object), event.object);
  if (event.type === 'delete') model.delete(`${event.ref.kind}/${event.ref.namespace}/${event.ref.name}`);
  if (event.type === 'reset') {
    model.clear();
    for (const object of event.objects) model.set(objectKey(object), object);
  }
}

function objectsOf(snapshot: Snapshot): ReadonlyMap<string, MeshObject> {
  const objects = Object.values(fieldOfKind).flatMap((field): readonly MeshObject[] => [
    ...all<MeshObject>(snapshot[field]),
  ]);
  return new Map(objects.map((object) => [objectKey(object), object]));
}

const sorted = (objects: ReadonlyMap<string, MeshObject>) => [...objects].sort(([a], [b]) => (a < b ? -1 : 1));

describe('Store, whatever happens', () => {
  it('holds what a plain map would hold, and tells exactly what became another object', () => {
    fc.assert(
      fc.property(anyBatches, (batches) => {
        const store = new Store(defaultMesh);
        const model = new Map<string, MeshObject>();
        for (const batch of batches) {
          const before = store.snapshot;
          const { snapshot, changes } = store.commit(batch);
          for (const event of batch) play(model, event);
          expect(sorted(objectsOf(snapshot))).to.deep.equal(sorted(model));
          const [old, now] = [objectsOf(before), objectsOf(snapshot)];
          const different = new Set([...old.keys(), ...now.keys()].filter((key) => old.get(key) !== now.get(key)));
          expect(changes.map((change) => objectKey(subject(change))).sort()).to.deep.equal([...different].sort());
          for (const change of changes) {
            const key = objectKey(subject(change));
            expect(change.before === old.get(key) && change.after === now.get(key), key).to.equal(true);
          }
          expect(snapshot === before).to.equal(changes.length === 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('leaves every map that holds no change the object it was', () => {
    fc.assert(
      fc.property(anyBatches, (batches) => {
        const store = new Store(defaultMesh);
        for (const batch of batches) {
          const before = store.snapshot;
          const { snapshot, changes } = store.commit(batch);
          const touched = new Set(changes.map((change) => subject(change).kind));
          const places = new Set(changes.map((change) => `${subject(change).kind}/${subject(change).meta.namespace}`));
          for (const [kind, field] of Object.entries(fieldOfKind)) {
            expect(snapshot[field] === before[field], kind).to.equal(!touched.has(kind as MeshObject['kind']));
            for (const [namespace, named] of before[field]) {
              const same = snapshot[field].get(namespace) === named;
              expect(same, `${kind}/${namespace}`).to.equal(!places.has(`${kind}/${namespace}`));
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
