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
    const marks = indexes.map((index) => new Uint8Array(index.size));
    const different = new Map<string, string | undefined>();
    const { bytes } = this.#range;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#each((_, nameStart, nameEnd, versionStart, versionEnd) => {
      if (!markCurrent(indexes, marks, view, nameStart, nameEnd, versionStart, versionEnd)) {
        const name = bytes.toString('utf8', nameStart, nameEnd);
        if (covers(subscription, type, name)) {
          different.set(name, bytes.toString('utf8', versionStart, versionEnd));
        }
      }
    });
    for (const [i, index] of indexes.entries()) {
      addUnmarked(different, index, marks[i], (name) => covers(subscription, type, name));
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
      const at = reader.pos;
      // The shape of almost all entries; lengths below 128 take one byte. All others go the long way.
      const length = bytes[at + 1] ?? 0xff;
      const nameLength = bytes[at + 3] ?? 0xff;
      const middle = at + 4 + nameLength;
      const versionLength = bytes[middle + 1] ?? 0xff;
      const last = middle + 2 + versionLength;
      if (
        bytes[at] === requestTags.initialVersions &&
        bytes[at + 2] === 0x0a &&
        bytes[middle] === 0x12 &&
        (length | nameLength | versionLength) < 0x80 &&
        last === at + 2 + length &&
        last <= end
      ) {
        visit(bytes, at + 4, middle, middle + 2, last);
        reader.pos = last;
        continue;
      }
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

/** Marks the resource that an entry says the client holds, if that is the current one. */
function markCurrent(
  indexes: readonly LayerIndex[],
  marks: readonly Uint8Array[],
  view: DataView,
  nameStart: number,
  nameEnd: number,
  versionStart: number,
  versionEnd: number,
): boolean {
  for (let i = 0; i < indexes.length; i++) {
    const found = indexes[i]?.find(view, nameStart, nameEnd, versionStart, versionEnd) ?? -1;
    const seen = marks[i];
    if (found >= 0 && seen !== undefined) {
      seen[found] = 1;
      return true;
    }
  }
  return false;
}

/** What the client did not say it holds, it lacks. A name that came twice, once as it is now, is no difference. */
function addUnmarked(
  different: Map<string, string | undefined>,
  index: LayerIndex,
  marks: Uint8Array | undefined,
  isCovered: (name: string) => boolean,
): void {
  for (let each = 0; each < index.size; each++) {
    if (marks?.[each] === 1) {
      if (different.size > 0) {
        different.delete(index.names[each] ?? '');
      }
      continue;
    }
    const name = index.names[each] ?? '';
    if (!different.has(name) && isCovered(name)) {
      different.set(name, '');
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
  readonly #text: DataView;
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
    const text = Buffer.from(resources.map((resource) => resource.name + resource.version).join(''));
    this.#text = new DataView(text.buffer, text.byteOffset, text.length);
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
  find(view: DataView, nameStart: number, nameEnd: number, versionStart: number, versionEnd: number): number {
    let slot = hashBytes(view, versionStart, versionEnd) & this.#mask;
    for (;;) {
      const each = this.#table[slot] ?? -1;
      if (each < 0) {
        return -1;
      }
      const start = this.#offsets[each * 3] ?? 0;
      const middle = this.#offsets[each * 3 + 1] ?? 0;
      const end = this.#offsets[each * 3 + 2] ?? 0;
      if (
        equalBytes(this.#text, middle, end, view, versionStart, versionEnd) &&
        equalBytes(this.#text, start, middle, view, nameStart, nameEnd)
      ) {
        return each;
      }
      slot = (slot + 1) & this.#mask;
    }
  }
}

function hashBytes(bytes: DataView, start: number, end: number): number {
  let hash = end - start;
  let at = Math.max(start, end - 8);
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ bytes.getInt32(at), 0x9e3779b1);
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ bytes.getUint8(at), 0x9e3779b1);
  }
  return hash ^ (hash >>> 15);
}

/** Four bytes at a time, which is what makes a reconnect of everybody cheap. */
function equalBytes(a: DataView, aStart: number, aEnd: number, b: DataView, bStart: number, bEnd: number): boolean {
  const length = aEnd - aStart;
  if (length !== bEnd - bStart) {
    return false;
  }
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (a.getInt32(aStart + i) !== b.getInt32(bStart + i)) {
      return false;
    }
  }
  for (; i < length; i++) {
    if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) {
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
