import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import type { KubeObject } from '../kube/object.ts';
import { MeshError } from '../lib/errors.ts';
import {
  fieldManagers,
  leaseName,
  replicaReportLabel,
  rootConfigMapLabel,
  rootConfigMapName,
} from '../model/cluster-names.ts';
import { type StatusKind, statusKinds, statusVersions } from '../model/status-kinds.ts';
import { ownsFields } from './field-owner.ts';
import { find } from './lookup.ts';
import type { ManifestName } from './manifest.ts';

/** What the control plane wrote and nobody else will clear away: the Lease, reports of replicas, mesh roots. */
export async function leftovers(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly ManifestName[]> {
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: leaseName, namespace } };
  const reports = await listAll(
    client,
    `/api/v1/namespaces/${namespace}/configmaps`,
    signal,
    `${replicaReportLabel}=true`,
  );
  const roots = await listAll(client, '/api/v1/configmaps', signal, `${rootConfigMapLabel}=true`);
  const ourRoots = roots.filter(
    // Another control plane of the same API writes ConfigMaps of the same name.
    (root) => root.metadata.name === rootConfigMapName && ownsFields(root, fieldManagers.controlPlane),
  );
  const configMaps = [...reports, ...ourRoots].map(({ metadata }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) },
  }));
  return [...((await find(client, lease)) === undefined ? [] : [lease]), ...configMaps];
}

/**
 * Takes our conditions off the objects that stay: what they say would no longer be true. Gives the number of objects.
 */
export async function withdrawStatus(client: KubeClient, signal: AbortSignal): Promise<number> {
  let count = 0;
  for (const statusKind of statusKinds) {
    for (const object of await withStatus(client, statusKind, signal)) {
      const { apiVersion, kind, metadata } = object;
      const { name, namespace = '' } = metadata;
      const path = `/apis/${apiVersion}/namespaces/${namespace}/${statusKind.plural}/${name}/status`;
      // Applying nothing gives up every field that this manager owns.
      const nothing = { apiVersion, kind, metadata: { name, namespace } };
      await client.apply(path, nothing, { fieldManager: fieldManagers.status, force: true });
      count++;
    }
  }
  return count;
}

async function withStatus(
  client: KubeClient,
  { group, plural }: StatusKind,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  for (const version of statusVersions[group]) {
    try {
      const all = await listAll(client, `/apis/${group}/${version}/${plural}`, signal);
      return all.filter((object) => ownsFields(object, fieldManagers.status, 'status'));
    } catch (thrown) {
      if (!(thrown instanceof MeshError && thrown.code === 'not-found')) throw thrown;
    }
  }
  return [];
}

async function listAll(
  client: KubeClient,
  path: string,
  signal: AbortSignal,
  labelSelector?: string,
): Promise<readonly KubeObject[]> {
  const options = { client, path, query: { labelSelector }, trim: (object: KubeObject) => object, pageSize: 500 };
  const objects: KubeObject[] = [];
  for await (const page of listPages(options, signal)) objects.push(...page.objects);
  return objects;
}
