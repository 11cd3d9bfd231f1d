import { encode, type TypeMap, type TypeName } from '@envoyproxy/protos';
import { contentVersion } from '../../lib/hash.ts';
import type { TypeUrl } from '../../model/ids.ts';
import { compareText } from '../../model/object.ts';
import type { Layer, Resource } from '../../model/resource.ts';
import { types } from '../../model/type-urls.ts';

const messages = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'envoy.config.route.v3.VirtualHost',
  extension: 'envoy.config.core.v3.TypedExtensionConfig',
  secret: 'envoy.extensions.transport_sockets.tls.v3.Secret',
} as const satisfies Partial<Record<keyof typeof types, TypeName>>;

/**
 * Encodes a message once, and versions it by its bytes. They get memory of their own: a body lives long, and as part of
 * Node's shared pool it would keep a page with whatever else was in it.
 */
export function resource<K extends keyof typeof messages>(
  type: K,
  name: string,
  message: TypeMap[(typeof messages)[K]],
): Resource {
  const body = new Uint8Array(encode(messages[type], message));
  return { type: types[type] as TypeUrl, name, version: contentVersion(body), body };
}

/** Messages of a repeated field, already encoded. */
export interface EncodedField {
  readonly field: number;
  readonly bodies: readonly Uint8Array[];
}

/**
 * A resource with such a field. In Protocol Buffers a message may be written in pieces (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so
 * what didn't change among a thousand parts is not encoded again.
 */
export function resourceWith<K extends keyof typeof messages>(
  type: K,
  name: string,
  message: TypeMap[(typeof messages)[K]],
  { field, bodies }: EncodedField,
): Resource {
  const pieces = bodies.flatMap((body) => [varints((field << 3) | 2, body.length), body]);
  const body = new Uint8Array(Buffer.concat([encode(messages[type], message), ...pieces]));
  return { type: types[type] as TypeUrl, name, version: contentVersion(body), body };
}

/** Seven bits a byte, the lowest first; all but the last byte of a number have the highest bit set. */
function varints(...numbers: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const number of numbers) {
    let rest = number;
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

/**
 * A layer of these resources, by name. Order of names is part of what state-of-the-world clients get, so it is fixed. `before` is one with
 * nearly the same names: those needn't be sorted again.
 */
export function layer(key: string, resources: Iterable<Resource>, before?: Layer): Layer {
  const named = new Map<string, Resource>();
  for (const each of resources) named.set(each.name, each);
  const known: Resource[] = [];
  for (const name of before?.resources.keys() ?? []) {
    const each = named.get(name);
    if (each !== undefined && named.delete(name)) known.push(each);
  }
  const sorted = [...known, ...named.values()];
  if (named.size > 0) sorted.sort((a, b) => compareText(a.name, b.name));
  return { key, resources: new Map(sorted.map((each) => [each.name, each])) };
}
