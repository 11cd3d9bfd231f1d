import type { KubeClient } from '../kube/client.ts';
import { ifFound } from '../kube/if-found.ts';
import type { KubeObject } from '../kube/object.ts';
import { type ManifestName, pathOf } from './manifest.ts';

/** The object as it is in the cluster; undefined where there is none. */
export async function find(client: KubeClient, name: ManifestName): Promise<KubeObject | undefined> {
  return await ifFound(client.get(pathOf(name)));
}
