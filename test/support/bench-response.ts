import { types } from '../../src/model/type-urls.ts';
import { stringField, varintSize, WireReader, writeVarint } from '../../src/xds/wire.ts';
import { grpcFrame } from './bench-h2.ts';

/** Field tags of DeltaDiscoveryRequest and of the entries of its initial_resource_versions. */
const request = { node: 0x0a, type: 0x12, subscribe: 0x1a, unsubscribe: 0x22, initial: 0x2a, nonce: 0x32 } as const;
const response = { resource: 0x12, type: 0x22, nonce: 0x2a, removed: 0x32 } as const;
const resource = { version: 0x0a, name: 0x1a } as const;

/** What a client has to know of one DeltaDiscoveryResponse. Equal nonces mean equal bytes, so this exists once for all clients. */
export interface BenchResponse {
  readonly type: string;
  readonly nonce: string;
  readonly count: number;
  readonly removed: readonly string[];
  /** What the resources are as initial_resource_versions of a later stream: encoded, one after the other. */
  readonly entries: Buffer;
  /** The clusters that ask for endpoints: those of services. */
  readonly endpointNames: NameList;
  /** Names of the listeners. */
  readonly listeners: readonly string[];
  readonly ack: Buffer;
}

/** Names to subscribe to: encoded, and as a set. Equal lists are one object. */
export interface NameList {
  readonly encoded: Buffer;
  readonly names: ReadonlySet<string>;
}

export const noNames: NameList = { encoded: Buffer.alloc(0), names: new Set() };
const remembered = 8192;

/** Reads only names and versions, by hand: a real decoder would cost more than the server under test. */
export class ResponseReader {
  readonly #known = new Map<string, BenchResponse>();
  #lists: NameList[] = [];

  read(bytes: Buffer): BenchResponse {
    const reader = new WireReader(bytes);
    let type = '';
    let nonce = '';
    const removed: string[] = [];
    while (reader.pos < reader.end) {
      const tag = reader.varint();
      if (tag === response.type) type = reader.string();
      else if (tag === response.nonce) nonce = reader.string();
      else if (tag === response.removed) removed.push(reader.string());
      else reader.skip(tag & 7);
    }
    const known = this.#known.get(nonce);
    if (known !== undefined) return known;
    const parsed = this.#parse(bytes, type, nonce, removed);
    if (this.#known.size >= remembered) this.#known.clear();
    this.#known.set(nonce, parsed);
    return parsed;
  }

  #parse(bytes: Buffer, type: string, nonce: string, removed: readonly string[]): BenchResponse {
    const entries: Buffer[] = [];
    const endpointNames: string[] = [];
    const listeners: string[] = [];
    const reader = new WireReader(bytes);
    while (reader.pos < reader.end) {
      const tag = reader.varint();
      if (tag !== response.resource) {
        reader.skip(tag & 7);
        continue;
      }
      const { name, version } = readResource(reader);
      entries.push(versionEntry(name, version));
      if (type === types.cluster && name.startsWith('outbound|')) endpointNames.push(name);
      if (type === types.listener) listeners.push(name);
    }
    return {
      type,
      nonce,
      count: entries.length,
      removed,
      entries: Buffer.concat(entries),
      endpointNames: this.#list(endpointNames),
      listeners,
      ack: deltaRequest({ type, nonce }),
    };
  }

  #list(names: readonly string[]): NameList {
    if (names.length === 0) return noNames;
    const encoded = encodeNames(names);
    const known = this.#lists.find((each) => each.encoded.equals(encoded));
    if (known !== undefined) return known;
    const list = { encoded, names: new Set(names) };
    this.#lists = [list, ...this.#lists].slice(0, 16);
    return list;
  }
}

function readResource(reader: WireReader): { readonly name: string; readonly version: string } {
  const limit = reader.limit();
  let name = '';
  let version = '';
  while (reader.pos < limit) {
    const tag = reader.varint();
    if (tag === resource.name) name = reader.string();
    else if (tag === resource.version) version = reader.string();
    else reader.skip(tag & 7);
  }
  return { name, version };
}

function versionEntry(name: string, version: string): Buffer {
  const inner = Buffer.concat([stringField(0x0a, name), stringField(0x12, version)]);
  const head = Buffer.allocUnsafe(1 + varintSize(inner.length));
  head[0] = request.initial;
  writeVarint(head, 1, inner.length);
  return Buffer.concat([head, inner]);
}

/** The entries of {@link BenchResponse.entries}, one by one. */
export function eachEntry(entries: Buffer, visit: (name: string, entry: Buffer) => void): void {
  const reader = new WireReader(entries);
  while (reader.pos < reader.end) {
    const start = reader.pos;
    reader.varint();
    const limit = reader.limit();
    reader.varint();
    const name = reader.string();
    reader.pos = limit;
    visit(name, entries.subarray(start, limit));
  }
}

export function encodeNames(names: Iterable<string>, tag: number = request.subscribe): Buffer {
  return Buffer.concat([...names].map((name) => stringField(tag, name)));
}

/** A DeltaDiscoveryRequest with its gRPC header. */
export function deltaRequest(parts: {
  readonly type: string;
  readonly node?: Uint8Array;
  readonly subscribe?: Uint8Array;
  readonly unsubscribe?: Iterable<string>;
  readonly initial?: Uint8Array;
  readonly nonce?: string;
}): Buffer {
  const fields: Uint8Array[] = [];
  if (parts.node !== undefined) {
    const head = Buffer.allocUnsafe(1 + varintSize(parts.node.length));
    head[0] = request.node;
    writeVarint(head, 1, parts.node.length);
    fields.push(head, parts.node);
  }
  fields.push(stringField(request.type, parts.type));
  if (parts.subscribe !== undefined) fields.push(parts.subscribe);
  if (parts.unsubscribe !== undefined) fields.push(encodeNames(parts.unsubscribe, request.unsubscribe));
  if (parts.initial !== undefined) fields.push(parts.initial);
  fields.push(stringField(request.nonce, parts.nonce ?? ''));
  return grpcFrame(fields);
}
