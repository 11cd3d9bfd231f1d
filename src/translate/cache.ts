import { LRUCache } from 'lru-cache';

/**
 * Memory of what was built. A builder gets its key and nothing else, so the key can't miss an input: a missed one would
 * give one proxy another's policy (architecture decision 8). Bounded, least recently used goes first.
 */
export class BuildCache {
  readonly #entries: LRUCache<string, object>;
  readonly #verify: boolean;
  #hits = 0;
  #misses = 0;

  /**
   * `verify` builds again on every hit and demands an equal result: for tests. The bound is in bytes: a mesh-wide edit makes
   * a new listener for each view, so that counted entries would let a gigabyte of old ones stay.
   */
  constructor(options: { readonly maxBytes?: number; readonly verify?: boolean } = {}) {
    this.#entries = new LRUCache({ maxSize: options.maxBytes ?? 64 * 1024 * 1024, sizeCalculation: sizeOf });
    this.#verify = options.verify ?? false;
  }

  /** The value built from `key` before, or now. `kind` keeps builders apart. */
  get<K, V extends object>(kind: string, key: K, build: (key: K) => V): V {
    const id = `${kind}\n${JSON.stringify(key)}`;
    const known = this.#entries.get(id);
    if (known === undefined) {
      this.#misses += 1;
      const built = build(key);
      this.#entries.set(id, built);
      return built;
    }
    this.#hits += 1;
    if (this.#verify) assertSame(id, known, build(key));
    return known as V;
  }

  stats(): { readonly hits: number; readonly misses: number; readonly size: number } {
    return { hits: this.#hits, misses: this.#misses, size: this.#entries.size };
  }
}

/** What an object costs beside its bytes, roughly. */
const overhead = 512;

/** Encoded bodies and the key are most of what an entry holds. */
function sizeOf(value: object, id: string): number {
  const bodies =
    value instanceof Object && 'resources' in value && value.resources instanceof Map
      ? value.resources.values()
      : [value];
  let size = id.length + overhead;
  for (const each of bodies) size += overhead + bodySize(each);
  return size;
}

function bodySize(value: unknown): number {
  return value instanceof Object && 'body' in value && value.body instanceof Uint8Array ? value.body.length : 0;
}

function assertSame(id: string, known: unknown, built: unknown): void {
  if (fingerprint(known) !== fingerprint(built)) throw new Error(`same key, other value: ${id}`);
}

/** Versions are content hashes, so comparing what JSON shows compares the bytes. */
function fingerprint(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Map) return [...each];
    if (each instanceof Uint8Array) return Buffer.from(each).toString('base64');
    return each;
  });
}
