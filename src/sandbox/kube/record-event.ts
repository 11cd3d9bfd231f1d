import type { KubeClient } from '../../kube/client.ts';
import { namespaceOf, type Pod } from './pod.ts';

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/**
 * Writes an Event about a pod, for `kubectl describe pod`. One object for each reason and pod: repeats replace it. Whether
 * it was written is nobody's concern.
 */
export async function recordEvent(client: KubeClient, pod: Pod, event: PodEvent, now: number): Promise<void> {
  const { name, uid, resourceVersion } = pod.metadata;
  const namespace = namespaceOf(pod);
  const time = new Date(now).toISOString();
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${event.reason.toLowerCase()}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion },
    ...event,
    source: { component: 'kubelet', host: 'sandbox' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  await client
    .apply(`/api/v1/namespaces/${namespace}/events/${body.metadata.name}`, body, {
      fieldManager: 'sandbox-kubelet',
      force: true,
    })
    .catch(() => undefined);
}
