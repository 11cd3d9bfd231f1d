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

const heads: Readonly<Record<Mode, WeakMap<Resource, Buffer>>> = { delta: new WeakMap(), sotw: new WeakMap() };

/** All of a resource's entry in a response that comes before its body: made once, since only the body is long. */
function head(resource: Resource, mode: Mode): Buffer {
  const cache = heads[mode];
  let bytes = cache.get(resource);
  if (bytes === undefined) {
    bytes = mode === 'delta' ? deltaHead(resource) : sotwHead(resource);
    cache.set(resource, bytes);
  }
  return bytes;
}

/** google.protobuf.Any up to its value. */
function anyHead(resource: Resource): Buffer {
  const type = stringField(0x0a, resource.type);
  const length = Buffer.allocUnsafe(1 + varintSize(resource.body.length));
  length[0] = 0x12;
  writeVarint(length, 1, resource.body.length);
  return Buffer.concat([type, length]);
}

function lengthPrefix(tag: number, length: number): Buffer {
  const prefix = Buffer.allocUnsafe(1 + varintSize(length));
  prefix[0] = tag;
  writeVarint(prefix, 1, length);
  return prefix;
}

/** discovery.v3.Resource{version=1, name=3, resource=2}; the body last, so that it's appended as it is. */
function deltaHead(resource: Resource): Buffer {
  const any = anyHead(resource);
  const anyLength = any.length + resource.body.length;
  const inner = Buffer.concat([
    stringField(0x0a, resource.version),
    stringField(0x1a, resource.name),
    lengthPrefix(0x12, anyLength),
    any,
  ]);
  return Buffer.concat([lengthPrefix(responseTags.delta.resource, inner.length + resource.body.length), inner]);
}

function sotwHead(resource: Resource): Buffer {
  const any = anyHead(resource);
  return Buffer.concat([lengthPrefix(responseTags.sotw.resource, any.length + resource.body.length), any]);
}

/** The entries of some resources, as they stand in a response. */
export function encodeResources(resources: Iterable<Resource>, mode: Mode): Buffer {
  const parts: Uint8Array[] = [];
  for (const resource of resources) {
    parts.push(head(resource, mode), resource.body);
  }
  return Buffer.concat(parts);
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
