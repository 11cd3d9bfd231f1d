import type { TypeUrl } from '../model/ids.ts';
import type { Layer } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import { encodeEnvelope, encodeLayer, encodeResources, type Mode } from './encode.ts';
import {
  type Content,
  diffLayers,
  emptyContent,
  type Layers,
  layerId,
  layersVersion,
  resourcesVersion,
  transitions,
} from './layers.ts';
import { MessageParts } from './message-parts.ts';
import type { NameSet } from './name-set.ts';
import type { Payload, PayloadId, PayloadMaker } from './state.ts';
import { covers, coversByName, resolve } from './subscription.ts';

/** Counts what is worth knowing about sharing. */
export interface PayloadCounters {
  encoded: number;
  encodedBytes: number;
}

/** A layer with fewer resources is put together anew each time. */
const smallestChunk = 32;

interface Base {
  readonly all: StoredPayload;
  readonly bySubscription: Map<number, StoredPayload>;
  readonly bySelection: Map<string, StoredPayload>;
}

class StoredPayload implements Payload {
  readonly type: TypeUrl;
  readonly mode: Mode;
  readonly nonce: string;
  readonly version: string;
  readonly content: Content;
  readonly id: PayloadId;
  readonly #owner: Payloads;
  /** Layers that it holds all of. Weak: an old generation's bytes must not stay because of a cached payload. */
  readonly #whole: readonly WeakRef<Layer>[];
  #message: MessageParts | undefined;
  #counted = false;
  #evicted = false;

  constructor(owner: Payloads, type: TypeUrl, mode: Mode, version: string, content: Content, whole: Layers) {
    this.#owner = owner;
    this.type = type;
    this.mode = mode;
    this.nonce = owner.nextNonce();
    this.version = version;
    this.content = content;
    this.id = { nonce: this.nonce, version, resources: content.resources.length };
    this.#whole = whole.some((layer) => layer.resources.size >= smallestChunk)
      ? whole.map((layer) => new WeakRef(layer))
      : [];
  }

  message(): MessageParts {
    if (this.#message !== undefined) {
      return this.#message;
    }
    const envelope = encodeEnvelope(
      {
        type: this.type,
        mode: this.mode,
        nonce: this.nonce,
        version: this.version,
        identifier: this.#owner.identifier,
      },
      this.content.removed,
    );
    const layers = this.#whole.flatMap((each) => each.deref() ?? []);
    const message =
      layers.length > 0 && layers.length === this.#whole.length
        ? new MessageParts([envelope, ...layers.map((layer) => layerPart(layer, this.mode))])
        : new MessageParts([encodeResources(this.content.resources, this.mode, envelope)]);
    if (!this.#counted) {
      this.#counted = true;
      this.#owner.counters.encoded++;
      this.#owner.counters.encodedBytes += message.byteLength;
    }
    if (this.#whole.length === 0) {
      this.#message = message;
      if (!this.#evicted) {
        this.#owner.keep(message.byteLength);
      }
    }
    return message;
  }

  /** No longer in the table: its bytes go with the last stream that waits for its answer. Returns how many it kept. */
  evict(): number {
    this.#evicted = true;
    return this.#message?.byteLength ?? 0;
  }
}

function layerPart(layer: Layer, mode: Mode): Buffer {
  return layer.resources.size < smallestChunk
    ? encodeResources(layer.resources.values(), mode)
    : encodeLayer(layer, mode);
}

/**
 * The table of all payloads. A key names what changed (pairs of layers) and for whom (a subscription), never a stream,
 * so an outbound change is one payload for all views (architecture, decision 4).
 */
export class Payloads implements PayloadMaker {
  readonly counters: PayloadCounters = { encoded: 0, encodedBytes: 0 };
  readonly identifier: string;
  readonly #noncePrefix: string;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #bases = new Map<string, Base>();
  #keptBytes = 0;
  #nonce = 0;

  constructor(options: {
    readonly identifier: string;
    /** Differs between servers and restarts, so that an old nonce is never taken for a new one. */
    readonly noncePrefix: string;
    readonly maxEntries?: number;
    readonly maxBytes?: number;
  }) {
    this.identifier = options.identifier;
    this.#noncePrefix = options.noncePrefix;
    this.#maxEntries = options.maxEntries ?? 4096;
    this.#maxBytes = options.maxBytes ?? 32 * 1024 * 1024;
  }

  nextNonce(): string {
    return `${this.#noncePrefix}${(++this.#nonce).toString(36)}`;
  }

  keep(bytes: number): void {
    this.#keptBytes += bytes;
    this.#trim();
  }

  transition(arg: Parameters<PayloadMaker['transition']>[0]): Payload {
    const { type, mode, from, to, subscription } = arg;
    const changed = transitions(from, to);
    const pairs = changed.map((each) => `${layerId(each.from)}>${layerId(each.to)}`).join(',');
    const base = this.#base(`${mode}|${type}|${pairs}|${arg.updatesOnly === true ? 'u' : ''}`, () => {
      const content = sendable(diffLayers(from, to, changed), type, mode, arg.updatesOnly);
      const whole = from.length === 0 && content.removed.length === 0 ? to : [];
      return this.#payload(type, mode, layersVersion(changed.flatMap((each) => each.to ?? [])), content, whole);
    });
    return subscription.wildcard ? base.all : this.#restricted(base, type, subscription.names);
  }

  subset(arg: Parameters<PayloadMaker['subset']>[0]): Payload {
    const { type, mode, layers, names, removed } = arg;
    const ids = layers.map(layerId).join(',');
    return this.#base(
      `${mode}|${type}|=${ids}|${names.id}|${removed.id}|${arg.updatesOnly === true ? 'u' : ''}`,
      () => {
        const { found, missing } = resolve(names, type, layers);
        const gone = removed.names.size === 0 ? missing : [...new Set([...missing, ...removed.names])];
        const content = sendable({ resources: found, removed: gone }, type, mode, arg.updatesOnly);
        return this.#payload(type, mode, layersVersion(layers), content, []);
      },
    ).all;
  }

  full(arg: Parameters<PayloadMaker['full']>[0]): Payload {
    const { type, layers, subscription } = arg;
    const key = `sotw|${type}|*${layers.map(layerId).join(',')}|${subscription.wildcard ? '*' : subscription.names.id}`;
    return this.#base(key, () => {
      const all = layers.flatMap((layer) => [...layer.resources.values()]);
      const resources = all.filter((resource) => covers(subscription, type, resource.name));
      const whole = resources.length === all.length ? layers : [];
      return this.#payload(type, 'sotw', resourcesVersion(resources), { resources, removed: [] }, whole);
    }).all;
  }

  #restricted(base: Base, type: TypeUrl, names: NameSet): StoredPayload {
    const known = base.bySubscription.get(names.id);
    if (known !== undefined) {
      return known;
    }
    const restricted = this.#restrict(base, type, names);
    base.bySubscription.set(names.id, restricted);
    return restricted;
  }

  /** Subscriptions that differ elsewhere still share: what counts is which of the changed names they cover. */
  #restrict(base: Base, type: TypeUrl, names: NameSet): StoredPayload {
    const { content } = base.all;
    const resources = content.resources.filter((resource) => coversByName(names.names, type, resource.name));
    const removed = content.removed.filter((name) => coversByName(names.names, type, name));
    if (resources.length === content.resources.length && removed.length === content.removed.length) {
      return base.all;
    }
    const selected = resources.length + removed.length;
    const selection =
      selected > 64 ? `#${names.id}` : JSON.stringify([resources.map((resource) => resource.name), removed]);
    let payload = base.bySelection.get(selection);
    if (payload === undefined) {
      const part = selected === 0 ? emptyContent : { resources, removed };
      payload = this.#payload(type, base.all.mode, base.all.version, part, []);
      base.bySelection.set(selection, payload);
    }
    return payload;
  }

  #payload(type: TypeUrl, mode: Mode, version: string, content: Content, whole: Layers): StoredPayload {
    return new StoredPayload(this, type, mode, version, content, whole);
  }

  #base(key: string, make: () => StoredPayload): Base {
    let base = this.#bases.get(key);
    if (base === undefined) {
      base = { all: make(), bySubscription: new Map(), bySelection: new Map() };
      this.#bases.set(key, base);
      this.#trim();
    } else {
      this.#bases.delete(key);
      this.#bases.set(key, base);
    }
    return base;
  }

  /** Drops what was not asked for the longest; the newest entry always stays. */
  #trim(): void {
    for (const [key, base] of this.#bases) {
      if (this.#bases.size <= 1 || (this.#bases.size <= this.#maxEntries && this.#keptBytes <= this.#maxBytes)) {
        return;
      }
      this.#bases.delete(key);
      for (const payload of [base.all, ...base.bySelection.values()]) {
        this.#keptBytes -= payload.evict();
      }
    }
  }
}

/**
 * What may be said of a change. State of the world has no removals by name. An extension is never said to be removed: as
 * a first answer that would leave Envoy's listener warming for ever (envoy-and-namespaces.md 7).
 */
function sendable(content: Content, type: TypeUrl, mode: Mode, updatesOnly: boolean | undefined): Content {
  const silent = updatesOnly === true || mode === 'sotw' || type === types.extension;
  return silent && content.removed.length > 0 ? { resources: content.resources, removed: [] } : content;
}
