import type { TypeUrl } from '../model/ids.ts';
import type { Layer, Resource } from '../model/resource.ts';
import type { Content } from './layers.ts';
import { stringField, varintSize, writeVarint } from './wire.ts';

export type Mode = 'delta' | 'sotw';

/** Field tags of envoy.service.discovery.v3.DeltaDiscoveryResponse and DiscoveryResponse. */
const responseTags = {
  delta: { version: 0x0a, resource: 0x12, type: 0x22, nonce: 0x2a, controlPlane: 0x3a },
  sotw: { version: 0x0a, resource: 0x12, type: 0x22, nonce: 0x2a, controlPlane: 0x32 },
} as const;
const removedTag = 0x32;

/** What a response says besides its resources. */
export interface Envelope {
  readonly mode: Mode;
  readonly type: TypeUrl;
  readonly nonce: string;
  readonly version: string;
  /** Says which server answered; ControlPlane.identifier. */
  readonly identifier: string;
}

function lengthPrefix(tag: number, length: number): Buffer {
  const prefix = Buffer.allocUnsafe(1 + varintSize(length));
  prefix[0] = tag;
  writeVarint(prefix, 1, length);
  return prefix;
}

/** How many bytes a length-delimited field takes, its one-byte tag included. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Same for a text, which is left out where it is '', as proto3 has it. */
function textSize(text: string): number {
  return text === '' ? 0 : fieldSize(Buffer.byteLength(text));
}

/** Length of google.protobuf.Any. */
function anySize(resource: Resource): number {
  return textSize(resource.type) + fieldSize(resource.body.length);
}

/** Length of discovery.v3.Resource (delta), or of the Any that stands in its place. */
function entrySize(resource: Resource, mode: Mode): number {
  const any = anySize(resource);
  return mode === 'sotw' ? any : textSize(resource.version) + textSize(resource.name) + fieldSize(any);
}

function writeLength(target: Buffer, start: number, tag: number, length: number): number {
  target[start] = tag;
  return writeVarint(target, start + 1, length);
}

function writeText(target: Buffer, start: number, tag: number, text: string): number {
  if (text === '') {
    return start;
  }
  const from = writeLength(target, start, tag, Buffer.byteLength(text));
  return from + target.write(text, from);
}

/** Writes discovery.v3.Resource{version=1, name=3, resource=2}, or Any{type_url=1, value=2}, as a field of the response. */
function writeEntry(target: Buffer, start: number, resource: Resource, mode: Mode): number {
  let at = writeLength(target, start, responseTags[mode].resource, entrySize(resource, mode));
  if (mode === 'delta') {
    at = writeText(target, at, 0x0a, resource.version);
    at = writeText(target, at, 0x1a, resource.name);
    at = writeLength(target, at, 0x12, anySize(resource));
  }
  at = writeText(target, at, 0x0a, resource.type);
  at = writeLength(target, at, 0x12, resource.body.length);
  target.set(resource.body, at);
  return at + resource.body.length;
}

const nothing = Buffer.alloc(0);

/**
 * The entries of some resources, as they stand in a response, after `envelope`. They get memory of their own: encoded
 * messages live long, and as parts of Node's shared pool they would keep pages with whatever else was in them.
 */
export function encodeResources(resources: Iterable<Resource>, mode: Mode, envelope: Uint8Array = nothing): Buffer {
  const entries = [...resources];
  const size = entries.reduce((sum, resource) => sum + fieldSize(entrySize(resource, mode)), envelope.length);
  const target = Buffer.allocUnsafeSlow(size);
  target.set(envelope);
  let at = envelope.length;
  for (const resource of entries) {
    at = writeEntry(target, at, resource, mode);
  }
  return target;
}

const layerChunks: Readonly<Record<Mode, WeakMap<Layer, Buffer>>> = { delta: new WeakMap(), sotw: new WeakMap() };

/** The entries of a whole layer: what every newcomer gets of it, whatever else it gets. */
export function encodeLayer(layer: Layer, mode: Mode): Buffer {
  const cache = layerChunks[mode];
  let chunk = cache.get(layer);
  if (chunk === undefined) {
    chunk = encodeResources(layer.resources.values(), mode);
    cache.set(layer, chunk);
  }
  return chunk;
}

/** All fields of a response but its resources. Protobuf fields may come in any order, so parts are just put together. */
export function encodeEnvelope(envelope: Envelope, removed: Content['removed']): Buffer {
  const known = responseTags[envelope.mode];
  const parts = [
    stringField(known.version, envelope.version),
    stringField(known.type, envelope.type),
    stringField(known.nonce, envelope.nonce),
  ];
  if (envelope.mode === 'delta') {
    for (const name of removed) {
      parts.push(stringField(removedTag, name));
    }
  }
  if (envelope.identifier !== '') {
    const identifier = stringField(0x0a, envelope.identifier);
    parts.push(lengthPrefix(known.controlPlane, identifier.length), identifier);
  }
  return Buffer.concat(parts);
}
