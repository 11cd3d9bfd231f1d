import type { KubeClient } from '../../kube/client.ts';
import { MeshError } from '../../lib/errors.ts';

/** A kind that gets conditions. */
export interface StatusKind {
  readonly kind: string;
  readonly plural: string;
  /** false: it exists, and this version does not evaluate it. */
  readonly supported: boolean;
}

/** All are of one group. */
export const statusGroup = 'security.istio.io';
/** Newest first. */
const statusVersions: readonly string[] = ['v1', 'v1beta1'];

export const statusKinds: readonly StatusKind[] = [
  { kind: 'PeerAuthentication', plural: 'peerauthentications', supported: true },
  { kind: 'AuthorizationPolicy', plural: 'authorizationpolicies', supported: true },
  { kind: 'RequestAuthentication', plural: 'requestauthentications', supported: false },
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
  for (const version of statusVersions) {
    const resources = await find(client, `/apis/${statusGroup}/${version}`, signal);
    if (list(resources, 'resources').some((each) => field(each, 'name') === `${kind.plural}/status`)) {
      const schema = await find(client, `/openapi/v3/apis/${statusGroup}/${version}`, signal);
      return { apiVersion: `${statusGroup}/${version}`, merges: merges(schema, kind, version) };
    }
  }
  return undefined;
}

async function find(client: KubeClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await client.request('GET', path, { signal });
  } catch (thrown) {
    const error = MeshError.from(thrown);
    if (error.code === 'not-found') return undefined;
    throw error;
  }
}

function merges(openapi: unknown, { kind }: StatusKind, version: string): boolean {
  const schemas = field(field(openapi, 'components'), 'schemas');
  const named = typeof schemas === 'object' && schemas !== null ? Object.values(schemas) : [];
  const schema = named.find((each) =>
    list(each, 'x-kubernetes-group-version-kind').some(
      (gvk) => field(gvk, 'group') === statusGroup && field(gvk, 'version') === version && field(gvk, 'kind') === kind,
    ),
  );
  const status = field(field(schema, 'properties'), 'status');
  const conditions = field(field(status, 'properties'), 'conditions');
  return field(conditions, 'x-kubernetes-list-type') === 'map';
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  return Array.isArray(found) ? found : [];
}
