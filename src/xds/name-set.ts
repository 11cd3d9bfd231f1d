import { rangeStrings, type WireRange } from './wire.ts';

/**
 * An immutable set of resource names that exists once: equal sets are the same object, so that a thousand clients that
 * subscribe to the same thousand endpoints cost one set, and comparing subscriptions is comparing pointers.
 */
export interface NameSet {
  readonly id: number;
  readonly names: ReadonlySet<string>;
}

interface Entry extends NameSet {
  /** Order-independent sum of the names' hashes: finds the equal set, and is cheap to update. */
  readonly hash: number;
  /** Results of {@link NameSets.change}: all clients make the same step from the same set. */
  readonly changes: Map<string, WeakRef<Entry>>;
}

/** How many answers of {@link NameSets.fromWire} and changes per set are remembered. */
const remembered = 32;
const longestRemembered = 256 * 1024;

/** The table of all sets in use. Sets that nobody holds any more are collected with the garbage. */
export class NameSets {
  readonly empty: NameSet;
  readonly #byHash = new Map<number, WeakRef<Entry>[]>();
  readonly #collected = new FinalizationRegistry<number>((hash) => this.#prune(hash));
  readonly #entries = new WeakMap<NameSet, Entry>();
  readonly #wire: { readonly bytes: Buffer; readonly set: NameSet }[] = [];
  readonly #differences = new Map<string, WeakRef<NameSet>>();
  #nextId = 1;

  constructor() {
    this.empty = this.of([]);
  }

  of(names: Iterable<string>): NameSet {
    const set = names instanceof Set ? new Set<string>(names) : new Set(names);
    let hash = 0;
    for (const name of set) {
      hash = (hash + hashName(name)) | 0;
    }
    return this.#intern(set, hash);
  }

  /** Reads the names of a request. Envoy sends them sorted, so equal clients send equal bytes: those are not parsed twice. */
  fromWire(range: WireRange, tag: number): NameSet {
    if (range.count === 0) {
      return this.empty;
    }
    const bytes = range.bytes.subarray(range.start, range.end);
    const known = this.#wire.find((each) => each.bytes.length === bytes.length && each.bytes.equals(bytes));
    if (known !== undefined) {
      return known.set;
    }
    const set = this.of(rangeStrings(range, tag));
    if (range.count > 8 && bytes.length <= longestRemembered) {
      this.#wire.unshift({ bytes: Buffer.from(bytes), set });
      this.#wire.length = Math.min(this.#wire.length, remembered);
    }
    return set;
  }

  /** `set` without `removed` and with `added`. */
  change(set: NameSet, added: Iterable<string>, removed: Iterable<string>): NameSet {
    const wanted = new Set(added);
    const plus = [...wanted].filter((name) => !set.names.has(name));
    const minus = [...new Set(removed)].filter((name) => set.names.has(name) && !wanted.has(name));
    if (plus.length === 0 && minus.length === 0) {
      return set;
    }
    const entry = this.#entry(set);
    const small = plus.length + minus.length <= 8;
    const key = small ? JSON.stringify([plus.sort(), minus.sort()]) : '';
    const known = small ? entry.changes.get(key)?.deref() : undefined;
    if (known !== undefined) {
      return known;
    }
    const names = new Set(set.names);
    let hash = entry.hash;
    for (const name of minus) {
      names.delete(name);
      hash = (hash - hashName(name)) | 0;
    }
    for (const name of plus) {
      names.add(name);
      hash = (hash + hashName(name)) | 0;
    }
    const changed = this.#intern(names, hash);
    if (small) {
      if (entry.changes.size >= remembered) {
        entry.changes.clear();
      }
      entry.changes.set(key, new WeakRef(changed));
    }
    return changed;
  }

  with(set: NameSet, added: NameSet): NameSet {
    return set.names.size === 0 ? added : this.change(set, added.names, []);
  }

  /** The names of `set` that `other` lacks. */
  minus(set: NameSet, other: NameSet): NameSet {
    if (set === other || set.names.size === 0) {
      return this.empty;
    }
    if (other.names.size === 0) {
      return set;
    }
    const key = `${set.id}-${other.id}`;
    let difference = this.#differences.get(key)?.deref();
    if (difference === undefined) {
      difference = this.of(set.names.difference(other.names));
      if (this.#differences.size >= remembered) {
        this.#differences.clear();
      }
      this.#differences.set(key, new WeakRef(difference));
    }
    return difference;
  }

  get size(): number {
    return this.#byHash.size;
  }

  #entry(set: NameSet): Entry {
    const entry = this.#entries.get(set);
    if (entry === undefined) {
      throw new Error('a set of another table');
    }
    return entry;
  }

  #intern(names: ReadonlySet<string>, hash: number): Entry {
    const bucket = this.#byHash.get(hash) ?? [];
    for (const each of bucket) {
      const entry = each.deref();
      if (entry !== undefined && entry.names.size === names.size && names.isSubsetOf(entry.names)) {
        return entry;
      }
    }
    const entry: Entry = { id: this.#nextId++, names, hash, changes: new Map() };
    this.#entries.set(entry, entry);
    this.#byHash.set(hash, [...bucket, new WeakRef(entry)]);
    this.#collected.register(entry, hash);
    return entry;
  }

  #prune(hash: number): void {
    const bucket = (this.#byHash.get(hash) ?? []).filter((each) => each.deref() !== undefined);
    if (bucket.length === 0) {
      this.#byHash.delete(hash);
    } else {
      this.#byHash.set(hash, bucket);
    }
  }
}

/** FNV-1a over UTF-16 units. Collisions cost time only: sets are compared before they count as equal. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return hash;
}
