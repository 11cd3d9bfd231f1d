import type { KubeClient } from '../../kube/client.ts';
import { ifFound } from '../../kube/if-found.ts';
import { isRecord } from '../../lib/is-record.ts';
import { type JsonObject, objectIn, objectsIn } from '../../lib/json-fields.ts';

/** A kind that gets conditions. */
export interface StatusKind {
  readonly group: keyof typeof statusVersions;
  readonly kind: string;
  readonly plural: string;
  /** It is counted on how many proxies each holds; of the others it is only told whether they can be read. */
  readonly counted: boolean;
}

/** Newest first. */
const statusVersions = {
  'security.istio.io': ['v1', 'v1beta1'],
  'networking.istio.io': ['v1', 'v1beta1', 'v1alpha3'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const security = { group: 'security.istio.io', counted: true } as const;
const networking = { group: 'networking.istio.io' } as const;

/** Every kind that gets conditions. */
export const statusKinds: readonly StatusKind[] = [
  { ...security, kind: 'PeerAuthentication', plural: 'peerauthentications' },
  { ...security, kind: 'AuthorizationPolicy', plural: 'authorizationpolicies' },
  { ...security, kind: 'RequestAuthentication', plural: 'requestauthentications' },
  { ...networking, kind: 'Gateway', plural: 'gateways', counted: true },
  { ...networking, kind: 'Sidecar', plural: 'sidecars', counted: true },
  { ...networking, kind: 'VirtualService', plural: 'virtualservices', counted: false },
  { ...networking, kind: 'DestinationRule', plural: 'destinationrules', counted: false },
  { ...networking, kind: 'ServiceEntry', plural: 'serviceentries', counted: false },
];

/** How the server serves a kind's status. */
export interface Served {
  /** `group/version`, the newest that has a status subresource. */
  readonly apiVersion: string;
  /**
   * Conditions are a map by type, where every manager has its own entries. Otherwise (another's CRD, without a schema for
   * them) whoever applies the list owns all of it.
   */
  readonly merges: boolean;
}

/** Asks the server; undefined while the kind isn't installed. Needs only what every authenticated client may read. */
export async function served(client: KubeClient, kind: StatusKind, signal: AbortSignal): Promise<Served | undefined> {
  for (const version of statusVersions[kind.group]) {
    const apiVersion = `${kind.group}/${version}`;
    const resources = await read(client, `/apis/${apiVersion}`, signal);
    if (objectsIn(resources, 'resources').some((each) => each['name'] === `${kind.plural}/status`)) {
      const schema = await read(client, `/openapi/v3/apis/${apiVersion}`, signal);
      return { apiVersion, merges: merges(schema, kind, version) };
    }
  }
  return undefined;
}

/** The document at this path; an empty one where there is none. */
async function read(client: KubeClient, path: string, signal: AbortSignal): Promise<JsonObject> {
  const document = await ifFound(client.request('GET', path, { signal }));
  return isRecord(document) ? document : {};
}

function merges(openapi: JsonObject, { group, kind }: StatusKind, version: string): boolean {
  const schemas = Object.values(objectIn(objectIn(openapi, 'components'), 'schemas')).filter(isRecord);
  const schema = schemas.find((each) =>
    objectsIn(each, 'x-kubernetes-group-version-kind').some(
      (gvk) => gvk['group'] === group && gvk['version'] === version && gvk['kind'] === kind,
    ),
  );
  const status = objectIn(objectIn(schema ?? {}, 'properties'), 'status');
  const conditions = objectIn(objectIn(status, 'properties'), 'conditions');
  return conditions['x-kubernetes-list-type'] === 'map';
}
