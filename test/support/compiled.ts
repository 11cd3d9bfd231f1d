import type { envoy, TypeMap, TypeName } from '@envoyproxy/protos';
import { decode, toJson, typeOf } from '@envoyproxy/protos';
import { defaultMesh, type Mesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { Resource } from '../../src/model/resource.ts';
import { type ResourceTypeName, types } from '../../src/model/type-urls.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { translate } from '../../src/translate/translate.ts';

/** What one proxy gets, easy to look into. */
export interface Compiled {
  readonly resources: readonly Resource[];
  names(type: ResourceTypeName): readonly string[];
  /** ProtoJSON with the names of Envoy's documents; throws where there is no such resource. */
  json(type: ResourceTypeName, name: string): unknown;
}

/** A snapshot of these objects under these mesh settings. */
export function snapshotIn(mesh: Partial<Mesh>, objects: readonly MeshObject[]): Snapshot {
  return new Store({ ...defaultMesh, ...mesh }).commit([{ type: 'reset', objects }]).snapshot;
}

/** Compiles one proxy from scratch; a problem that `check` finds fails the test. */
export function compiled(objects: readonly MeshObject[], proxy: Proxy, mesh: Partial<Mesh> = {}): Compiled {
  const { resources, findings } = translate(snapshotIn(mesh, objects), proxy, new BuildCache({ verify: true }));
  if (findings.length > 0) throw new Error(findings.map(({ message }) => message).join('\n'));
  const of = (type: ResourceTypeName) => resources.filter((each) => each.type === types[type]);
  return {
    resources,
    names: (type) => of(type).map(({ name }) => name),
    json: (type, name) => json(found(of(type), name)),
  };
}

function found(resources: readonly Resource[], name: string): Resource {
  const resource = resources.find((each) => each.name === name);
  if (resource === undefined) throw new Error(`no ${name} among ${resources.map((each) => each.name).join(', ')}`);
  return resource;
}

/** ProtoJSON of a resource, with the names of Envoy's documents. */
export function json({ type, body }: Resource): unknown {
  return toJson(known(type), body, { protoNames: true });
}

function known(url: string): TypeName {
  const message = typeOf(url);
  if (message === undefined) throw new Error(`not a type of ours: ${url}`);
  return message;
}

/** A listener's message. */
export function listenerOf(resource: Resource): envoy.config.listener.v3.Listener {
  return decode('envoy.config.listener.v3.Listener', resource.body);
}

/** The message inside an Any of a known type; throws on another. */
export function unpack<K extends TypeName>(
  type: K,
  packed: { readonly type_url?: string; readonly value?: Uint8Array } | undefined,
): TypeMap[K] {
  if (packed?.type_url !== `type.googleapis.com/${type}`) throw new Error(`not a ${type}: ${packed?.type_url}`);
  return decode(type, packed.value ?? new Uint8Array());
}
