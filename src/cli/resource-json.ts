import { toJson, typeOf } from '@envoyproxy/protos';
import { MeshError } from '../lib/errors.ts';
import type { Resource } from '../model/resource.ts';

/** A resource as Envoy's documents write it: ProtoJSON in snake_case, what is inside an Any expanded. */
export function resourceJson(resource: Resource): object {
  const type = typeOf(resource.type);
  const json = type === undefined ? undefined : toJson(type, resource.body, { protoNames: true });
  if (typeof json !== 'object' || json === null) throw new MeshError('internal', `no codec for ${resource.type}`);
  return json;
}
