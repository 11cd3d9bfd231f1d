/** From how many entries on a wide map pays. */
export const wideFrom = 512;
const buckets = 256;

/**
 * A map of many entries of which a changed copy costs little: entries lie in buckets by their key, and a copy shares all
 * buckets that it doesn't change. Ten thousand policies in one namespace would otherwise be copied for every edit of one.
 * Entries come in no particular order.
 */
export class WideMap<V> implements ReadonlyMap<string, V> {
  readonly #buckets: Map<string, V>[];
  /** Buckets that no other map shares. */
  readonly #own: Set<number>;
  #size: number;

  private constructor(shared: readonly Map<string, V>[], own: Set<number>, size: number) {
    this.#buckets = [...shared];
    this.#own = own;
    this.#size = size;
  }

  static from<V>(entries: Iterable<readonly [string, V]>): WideMap<V> {
    const empty = Array.from({ length: buckets }, () => new Map<string, V>());
    const made = new WideMap<V>(empty, new Set(empty.keys()), 0);
    for (const [key, value] of entries) made.set(key, value);
    return made;
  }

  /** Another map with the same entries; neither sees what happens to the other. */
  copy(): WideMap<V> {
    this.#own.clear();
    return new WideMap(this.#buckets, new Set(), this.#size);
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) === true;
  }

  set(key: string, value: V): this {
    const bucket = this.#ownBucket(key);
    this.#size += bucket.has(key) ? 0 : 1;
    bucket.set(key, value);
    return this;
  }

  delete(key: string): boolean {
    if (!this.has(key)) return false;
    this.#size -= 1;
    return this.#ownBucket(key).delete(key);
  }

  forEach(each: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) each(value, key, this);
  }

  *[Symbol.iterator](): MapIterator<[string, V]> {
    for (const bucket of this.#buckets) yield* bucket;
  }

  entries(): MapIterator<[string, V]> {
    return this[Symbol.iterator]();
  }

  *keys(): MapIterator<string> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *values(): MapIterator<V> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  #ownBucket(key: string): Map<string, V> {
    const index = bucketOf(key);
    const known = this.#buckets[index] ?? new Map<string, V>();
    if (this.#own.has(index)) return known;
    const own = new Map(known);
    this.#buckets[index] = own;
    this.#own.add(index);
    return own;
  }
}

/** FNV-1a over the code units: names that differ only at their end are spread, too. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}
