import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { MeshError } from '../lib/errors.ts';
import { type ManifestName, pathOf } from './manifest.ts';

/** The object as it is in the cluster; undefined where there is none. */
export async function find(client: KubeClient, name: ManifestName): Promise<KubeObject | undefined> {
  try {
    return await client.get(pathOf(name));
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === 'not-found') return undefined;
    throw thrown;
  }
}
