import type { TypeUrl } from '../model/ids.ts';
import type { Layer } from '../model/resource.ts';
import type { Layers } from './layers.ts';
import { requestTags } from './request.ts';
import { covers, resolve, type Subscription } from './subscription.ts';
import { type WireRange, WireReader } from './wire.ts';

/** What a client says it holds when it reconnects (xDS protocol, initial_resource_versions). */
export interface InitialVersions {
  readonly count: number;
  names(): readonly string[];
  /**
   * What differs from the layers, as exceptions: the version held, '' where the client has none, undefined where it asks
   * for what isn't there.
   */
  compare(layers: Layers, subscription: Subscription, type: TypeUrl): ReadonlyMap<string, string | undefined>;
}

/**
 * The map as it came, compared entry by entry on its bytes. A thousand clients come back at once with thousands of entries
 * each; almost all of them are current, and those make no string, no object and no map entry.
 */
export class WireVersions implements InitialVersions {
  readonly #range: WireRange;

  constructor(range: WireRange) {
    this.#range = range;
  }

  get count(): number {
    return this.#range.count;
  }

  names(): readonly string[] {
    return this.entries().map(([name]) => name);
  }

  entries(): readonly (readonly [name: string, version: string])[] {
    const entries: [string, string][] = [];
    this.#each((bytes, nameStart, nameEnd, versionStart, versionEnd) =>
      entries.push([bytes.toString('utf8', nameStart, nameEnd), bytes.toString('utf8', versionStart, versionEnd)]),
    );
    return entries;
  }

  compare(layers: Layers, subscription: Subscription, type: TypeUrl): ReadonlyMap<string, string | undefined> {
    const indexes = layers.map(indexOf).sort((a, b) => b.size - a.size);
    const seen = indexes.map((index) => new Uint8Array(index.size));
    const different = new Map<string, string | undefined>();
    this.#each((bytes, nameStart, nameEnd, versionStart, versionEnd) => {
      for (const [i, index] of indexes.entries()) {
        const found = index.find(bytes, nameStart, nameEnd, versionStart, versionEnd);
        const marks = seen[i];
        if (found >= 0 && marks !== undefined) {
          marks[found] = 1;
          return;
        }
      }
      const name = bytes.toString('utf8', nameStart, nameEnd);
      if (covers(subscription, type, name)) {
        different.set(name, bytes.toString('utf8', versionStart, versionEnd));
      }
    });
    // A name may come twice, or under a version that the layers hold too: what is current is no difference.
    for (const [i, index] of indexes.entries()) {
      for (let each = 0; each < index.size; each++) {
        const name = index.names[each] ?? '';
        if (seen[i]?.[each] === 1) {
          if (different.size > 0) {
            different.delete(name);
          }
        } else if (!different.has(name) && covers(subscription, type, name)) {
          different.set(name, '');
        }
      }
    }
    addMissing(different, layers, subscription, type);
    return different;
  }

  #each(
    visit: (bytes: Buffer, nameStart: number, nameEnd: number, versionStart: number, versionEnd: number) => void,
  ): void {
    const { bytes, start, end } = this.#range;
    const reader = new WireReader(bytes, start, end);
    while (reader.pos < end) {
      const tag = reader.varint();
      if (tag !== requestTags.initialVersions) {
        reader.skip(tag & 7);
        continue;
      }
      const limit = reader.limit();
      let nameStart = 0;
      let nameEnd = 0;
      let versionStart = 0;
      let versionEnd = 0;
      while (reader.pos < limit) {
        const field = reader.varint();
        if (field === 0x0a) {
          nameEnd = reader.limit();
          nameStart = reader.pos;
          reader.pos = nameEnd;
        } else if (field === 0x12) {
          versionEnd = reader.limit();
          versionStart = reader.pos;
          reader.pos = versionEnd;
        } else {
          reader.skip(field & 7);
        }
      }
      reader.pos = limit;
      visit(bytes, nameStart, nameEnd, versionStart, versionEnd);
    }
  }
}

const missingByNames = new WeakMap<object, { readonly layers: Layers; readonly missing: readonly string[] }>();

/** Names that stand for nothing have to be answered too; which ones, is the same for all who ask for the same names. */
function addMissing(
  different: Map<string, string | undefined>,
  layers: Layers,
  subscription: Subscription,
  type: TypeUrl,
): void {
  if (subscription.names.names.size === 0) {
    return;
  }
  let known = missingByNames.get(subscription.names);
  if (
    known === undefined ||
    known.layers.length !== layers.length ||
    known.layers.some((layer, i) => layer !== layers[i])
  ) {
    known = { layers, missing: resolve(subscription.names, type, layers).missing };
    missingByNames.set(subscription.names, known);
  }
  for (const name of known.missing) {
    if (!different.has(name)) {
      different.set(name, undefined);
    }
  }
}

/**
 * The resources of a layer, found by the bytes of their version: that is a hash already, so looking one up hashes nothing.
 * A version alone proves little (two resources may hold equal bytes), so names are compared too.
 */
class LayerIndex {
  readonly size: number;
  readonly names: readonly string[];
  readonly #mask: number;
  readonly #table: Int32Array;
  readonly #text: Buffer;
  /** Per resource: where its name starts and its version starts and ends; both stand next to each other. */
  readonly #offsets: Uint32Array;

  constructor(layer: Layer) {
    const resources = [...layer.resources.values()];
    this.size = resources.length;
    this.names = resources.map((resource) => resource.name);
    let slots = 16;
    while (slots < this.size * 2) {
      slots *= 2;
    }
    this.#mask = slots - 1;
    this.#table = new Int32Array(slots).fill(-1);
    this.#text = Buffer.from(resources.map((resource) => resource.name + resource.version).join(''));
    this.#offsets = new Uint32Array(this.size * 3);
    let offset = 0;
    for (const [i, resource] of resources.entries()) {
      const middle = offset + Buffer.byteLength(resource.name);
      const end = middle + Buffer.byteLength(resource.version);
      this.#offsets.set([offset, middle, end], i * 3);
      let slot = hashBytes(this.#text, middle, end) & this.#mask;
      while ((this.#table[slot] ?? -1) >= 0) {
        slot = (slot + 1) & this.#mask;
      }
      this.#table[slot] = i;
      offset = end;
    }
  }

  /** Position of the resource with this name and this version, or -1. */
  find(bytes: Buffer, nameStart: number, nameEnd: number, versionStart: number, versionEnd: number): number {
    let slot = hashBytes(bytes, versionStart, versionEnd) & this.#mask;
    for (;;) {
      const each = this.#table[slot] ?? -1;
      if (each < 0) {
        return -1;
      }
      const start = this.#offsets[each * 3] ?? 0;
      const middle = this.#offsets[each * 3 + 1] ?? 0;
      const end = this.#offsets[each * 3 + 2] ?? 0;
      if (
        equalBytes(this.#text, middle, end, bytes, versionStart, versionEnd) &&
        equalBytes(this.#text, start, middle, bytes, nameStart, nameEnd)
      ) {
        return each;
      }
      slot = (slot + 1) & this.#mask;
    }
  }
}

function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = Math.max(start, end - 8); i < end; i++) {
    hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
  }
  return hash ^ (hash >>> 15);
}

function equalBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) {
    return false;
  }
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) {
    if (a[i] !== b[j]) {
      return false;
    }
  }
  return true;
}

const indexes = new WeakMap<Layer, LayerIndex>();

function indexOf(layer: Layer): LayerIndex {
  let index = indexes.get(layer);
  if (index === undefined) {
    index = new LayerIndex(layer);
    indexes.set(layer, index);
  }
  return index;
}
