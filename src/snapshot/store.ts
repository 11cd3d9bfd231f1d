import { isDeepStrictEqual } from 'node:util';
import type { ObjectRef, SourceEvent } from '../config/source.ts';
import type { Finding } from '../model/finding.ts';
import type { KeySet } from '../model/key-set.ts';
import type { Mesh } from '../model/mesh.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { objectKey } from '../model/object.ts';
import type { Change } from './diff.ts';
import { type ByNamespace, emptySnapshot, fieldOfKind, type Named, type Snapshot } from './snapshot.ts';
import { WideMap, wideFrom } from './wide-map.ts';

/** What one batch of events came to: the new snapshot, and each object that really changed. */
export interface Commit {
  readonly snapshot: Snapshot;
  readonly changes: readonly Change[];
}

/**
 * Turns source events into frozen snapshots. The only mutable place of the whole path: everything after it gets values.
 * Order of events within a batch doesn't matter for the result beyond "the last one wins" per object.
 */
export class Store {
  #snapshot: Snapshot;
  #findings = new Map<string, readonly Finding[]>();
  #synced = false;

  constructor(mesh: Mesh) {
    this.#snapshot = emptySnapshot(mesh);
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** True once a source said that its first set is complete. */
  get synced(): boolean {
    return this.#synced;
  }

  /** What the source itself found (unreadable documents and the like), by scope order. */
  get findings(): readonly Finding[] {
    return [...this.#findings.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, findings]) => findings);
  }

  /** Applies one batch. An object that is deeply equal to what was there is no change. */
  commit(events: readonly SourceEvent[]): Commit {
    const next = new Draft(this.#snapshot);
    for (const event of events) {
      switch (event.type) {
        case 'apply':
          next.put(event.object);
          break;
        case 'delete':
          next.remove(event.ref);
          break;
        case 'reset':
          next.reset(event.objects);
          break;
        case 'findings':
          if (event.findings.length === 0) this.#findings.delete(event.scope);
          else this.#findings.set(event.scope, event.findings);
          break;
        case 'synced':
          this.#synced = true;
          break;
      }
    }
    const commit = next.finish();
    this.#snapshot = commit.snapshot;
    return commit;
  }

  /** New mesh settings: they can change anything, so the caller compiles anew. */
  setMesh(mesh: Mesh): Snapshot {
    this.#snapshot = { ...this.#snapshot, mesh, generation: this.#snapshot.generation + 1 };
    return this.#snapshot;
  }

  /** All keys that were fetched so far; whoever compiles compares them with those of the snapshot before. */
  setKeySets(keySets: ReadonlyMap<string, KeySet>): Snapshot {
    this.#snapshot = { ...this.#snapshot, keySets, generation: this.#snapshot.generation + 1 };
    return this.#snapshot;
  }
}

type Kind = MeshObject['kind'];
type MutableNames = Map<string, MeshObject> | WideMap<MeshObject>;
type MutableKind = Map<string, ReadonlyMap<string, MeshObject>>;

/** A copy-on-write view of a snapshot: only maps that change are copied, each once. */
class Draft {
  readonly #base: Snapshot;
  readonly #kinds = new Map<Kind, MutableKind>();
  readonly #copied = new Set<string>();
  readonly #changes = new Map<string, { before: MeshObject | undefined; after: MeshObject | undefined }>();

  constructor(base: Snapshot) {
    this.#base = base;
  }

  put(object: MeshObject): void {
    const ref = { kind: object.kind, namespace: object.meta.namespace, name: object.meta.name };
    const current = this.#get(ref);
    if (current !== undefined && (current === object || isDeepStrictEqual(current, object))) return;
    this.#note(objectKey(object), current, object);
    this.#names(ref).set(ref.name, object);
  }

  remove(ref: ObjectRef): void {
    const current = this.#get(ref);
    if (current === undefined) return;
    this.#note(objectKey(current), current, undefined);
    const names = this.#names(ref);
    names.delete(ref.name);
    if (names.size === 0) this.#kind(ref.kind).delete(ref.namespace);
  }

  reset(objects: readonly MeshObject[]): void {
    const kept = new Set(objects.map(objectKey));
    for (const kind of Object.keys(fieldOfKind) as Kind[]) {
      for (const named of [...this.#current(kind).values()]) {
        for (const object of [...named.values()]) {
          if (!kept.has(objectKey(object))) {
            this.remove({ kind, namespace: object.meta.namespace, name: object.meta.name });
          }
        }
      }
    }
    for (const object of objects) this.put(object);
  }

  /** What came and went, or was edited and put back within the batch, leaves every map the object it was. */
  finish(): Commit {
    const changes = [...this.#changes.values()].filter(({ before, after }) => !isDeepStrictEqual(before, after));
    if (changes.length === 0) return { snapshot: this.#base, changes };
    if (changes.length < this.#changes.size) return this.#again(changes);
    const fields: Partial<Record<keyof Snapshot, unknown>> = {};
    for (const [kind, map] of this.#kinds) fields[fieldOfKind[kind]] = map;
    return {
      snapshot: { ...this.#base, ...(fields as Partial<Snapshot>), generation: this.#base.generation + 1 },
      changes,
    };
  }

  #again(changes: readonly Change[]): Commit {
    const draft = new Draft(this.#base);
    for (const { before, after } of changes) {
      if (after !== undefined) draft.put(after);
      else if (before !== undefined)
        draft.remove({ kind: before.kind, namespace: before.meta.namespace, name: before.meta.name });
    }
    return draft.finish();
  }

  #note(key: string, before: MeshObject | undefined, after: MeshObject | undefined): void {
    const known = this.#changes.get(key);
    if (known === undefined) this.#changes.set(key, { before, after });
    else known.after = after;
  }

  #current(kind: Kind): ByNamespace<MeshObject> {
    return this.#kinds.get(kind) ?? this.#base[fieldOfKind[kind]];
  }

  #get(ref: ObjectRef): MeshObject | undefined {
    return this.#current(ref.kind).get(ref.namespace)?.get(ref.name);
  }

  #kind(kind: Kind): MutableKind {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const base: ByNamespace<MeshObject> = this.#base[fieldOfKind[kind]];
    const copy: MutableKind = new Map(base);
    this.#kinds.set(kind, copy);
    return copy;
  }

  #names(ref: ObjectRef): MutableNames {
    const kind = this.#kind(ref.kind);
    const id = `${ref.kind}/${ref.namespace}`;
    const current = kind.get(ref.namespace);
    if (current !== undefined && this.#copied.has(id)) return current as MutableNames;
    const copy = copyOf(current);
    this.#copied.add(id);
    kind.set(ref.namespace, copy);
    return copy;
  }
}

/** What an edit of one costs must not grow with how many others there are. */
function copyOf(names: Named<MeshObject> | undefined): MutableNames {
  if (names instanceof WideMap) return names.copy();
  return (names?.size ?? 0) < wideFrom ? new Map(names) : WideMap.from(names ?? []);
}
