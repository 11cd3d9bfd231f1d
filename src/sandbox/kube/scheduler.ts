import type { KubeClient } from '../../kube/client.ts';
import { MeshError } from '../../lib/errors.ts';
import { namespaceOf, type Pod } from './pod.ts';

/** The one node of a sandbox. */
export const nodeName = 'sandbox';

/** Does this pod wait for a scheduler, for ours? */
export function needsNode({ spec, metadata }: Pod): boolean {
  const { schedulerName = 'default-scheduler', schedulingGates = [] } = spec;
  const unbound = spec.nodeName === undefined || spec.nodeName === '';
  return (
    unbound &&
    schedulerName === 'default-scheduler' &&
    schedulingGates.length === 0 &&
    metadata.deletionTimestamp === undefined
  );
}

/** Binds a pod to the node. There is one, so nothing is weighed: affinities and resources are not looked at. */
export async function bind(client: KubeClient, pod: Pod): Promise<void> {
  const { name, uid } = pod.metadata;
  const namespace = namespaceOf(pod);
  try {
    await client.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      },
    });
  } catch (thrown) {
    const { code } = MeshError.from(thrown);
    // Gone, or bound already.
    if (code !== 'not-found' && code !== 'conflict') throw thrown;
  }
}
