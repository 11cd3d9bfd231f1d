import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { isRecord } from '../../lib/is-record.ts';
import { objectIn, objectsIn, textIn } from '../../lib/json-fields.ts';
import { namespaceOf } from './pod.ts';

/** A Service that waits for a load balancer, and the address that it can be given. */
export interface Unbalanced {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
}

/** Services of type LoadBalancer that no cloud will give an address. In a sandbox their own is as reachable as any. */
export function unbalanced(services: readonly KubeObject[]): readonly Unbalanced[] {
  return services.flatMap((service) => {
    const { spec, status } = service;
    if (!isRecord(spec) || spec['type'] !== 'LoadBalancer') return [];
    const given = objectsIn(objectIn(isRecord(status) ? status : {}, 'loadBalancer'), 'ingress');
    const address = textIn(spec, 'clusterIP');
    if (given.length > 0 || address === '' || address === 'None') return [];
    return [{ name: service.metadata.name, namespace: namespaceOf(service), address }];
  });
}

/** Plays the cloud: says in the Service's status where it can be called, which is where people and their scripts look. */
export async function balance(client: KubeClient, { name, namespace, address }: Unbalanced): Promise<void> {
  await client.apply(
    `/api/v1/namespaces/${namespace}/services/${name}/status`,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      status: { loadBalancer: { ingress: [{ ip: address }] } },
    },
    { fieldManager: 'sandbox', force: true },
  );
}
