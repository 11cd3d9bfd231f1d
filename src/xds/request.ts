import { MeshError } from '../lib/errors.ts';
import { type TypeUrl, typeUrl } from '../model/ids.ts';
import { emptyRange, type WireRange, WireReader } from './wire.ts';

/** What a NACK carries: google.rpc.Status of the client. */
export interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

/**
 * One DiscoveryRequest or DeltaDiscoveryRequest, its long lists still on the wire (xDS protocol, "The xDS transport
 * protocol"). `names` is resource_names, or resource_names_subscribe.
 */
export interface XdsRequest {
  readonly type: TypeUrl;
  readonly node: Buffer | undefined;
  readonly names: WireRange;
  readonly unsubscribe: WireRange;
  readonly initialVersions: WireRange;
  readonly nonce: string;
  readonly error: ErrorDetail | undefined;
}

/** Tags (field number and wire type) of the fields that we read. */
export const requestTags = { names: 0x1a, unsubscribe: 0x22, initialVersions: 0x2a } as const;

const tags = {
  delta: { node: 0x0a, type: 0x12, nonce: 0x32, error: 0x3a },
  sotw: { node: 0x12, type: 0x22, nonce: 0x2a, error: 0x32 },
} as const;

/** An error text longer than this is cut: it's kept, logged and shown. */
const longestMessage = 4096;

/** Reads a request of either protocol. Throws MeshError `bad-argument` on anything that isn't one. */
export function parseRequest(bytes: Buffer, mode: 'delta' | 'sotw'): XdsRequest {
  const known = tags[mode];
  const reader = new WireReader(bytes);
  let node: Buffer | undefined;
  let type = '';
  let nonce = '';
  let error: ErrorDetail | undefined;
  const names = new RangeBuilder(bytes);
  const unsubscribe = new RangeBuilder(bytes);
  const initialVersions = new RangeBuilder(bytes);
  const ranges = new Map<number, RangeBuilder>([[requestTags.names, names]]);
  if (mode === 'delta') {
    ranges.set(requestTags.unsubscribe, unsubscribe).set(requestTags.initialVersions, initialVersions);
  }
  while (reader.pos < reader.end) {
    const start = reader.pos;
    const tag = reader.varint();
    if (tag === known.type) {
      type = reader.string();
    } else if (tag === known.nonce) {
      nonce = reader.string();
    } else if (tag === known.node) {
      node = reader.view();
    } else if (tag === known.error) {
      error = parseError(reader.view());
    } else {
      reader.skip(tag & 7);
      const range = ranges.get(tag);
      if (range !== undefined) {
        const more = reader.skipRun(tag);
        range.add(start, reader.pos, 1 + more);
      }
    }
  }
  return {
    type: internType(type),
    node,
    names: names.range(),
    unsubscribe: unsubscribe.range(),
    initialVersions: initialVersions.range(),
    nonce,
    error,
  };
}

class RangeBuilder {
  readonly #bytes: Buffer;
  #start = 0;
  #end = 0;
  #count = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  add(start: number, end: number, count: number): void {
    if (this.#count === 0) {
      this.#start = start;
    }
    this.#end = end;
    this.#count += count;
  }

  range(): WireRange {
    return this.#count === 0
      ? emptyRange
      : { bytes: this.#bytes, start: this.#start, end: this.#end, count: this.#count };
  }
}

function parseError(bytes: Buffer): ErrorDetail {
  const reader = new WireReader(bytes);
  let code = 0;
  let message = '';
  while (reader.pos < reader.end) {
    const tag = reader.varint();
    if (tag === 0x08) {
      code = reader.varint();
    } else if (tag === 0x12) {
      message = reader.string();
    } else {
      reader.skip(tag & 7);
    }
  }
  return { code, message: message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message };
}

function internType(type: string): TypeUrl {
  if (type.length > 256) {
    throw new MeshError('bad-argument', 'type_url is longer than 256 characters');
  }
  return typeUrl(type);
}
