import type { KubeClient } from '../../kube/client.ts';
import { ifFound } from '../../kube/if-found.ts';
import { isRecord } from '../../lib/is-record.ts';
import { type JsonObject, objectIn, objectsIn } from '../../lib/json-fields.ts';
import { type StatusKind, statusVersions } from '../../model/status-kinds.ts';

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
