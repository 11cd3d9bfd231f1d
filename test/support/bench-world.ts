import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Workload } from '../../src/model/workload.ts';
import { pod, service } from './objects.ts';

/** How large the world of the benchmark is; the figures of the published table are for the default. */
export interface WorldSize {
  readonly services: number;
  readonly podsPerService: number;
  readonly namespaces: number;
}

export const benchSize: WorldSize = { services: 500, podsPerService: 2, namespaces: 20 };

export interface World {
  readonly objects: readonly MeshObject[];
  readonly pods: readonly Workload[];
}

/** Services with one HTTP and one TCP port each, spread over namespaces, each with its own pods and service account. */
export function benchWorld(size: WorldSize = benchSize): World {
  const objects: MeshObject[] = [];
  const pods: Workload[] = [];
  for (let index = 0; index < size.services; index += 1) {
    const namespace = `ns-${index % size.namespaces}`;
    const name = `svc-${index}`;
    objects.push(
      service(
        namespace,
        name,
        [
          [80, 8080, 'http'],
          [9000, 9000, 'tcp'],
        ],
        { addresses: [`10.96.${index >> 8}.${index & 255}`] },
      ),
    );
    for (let replica = 0; replica < size.podsPerService; replica += 1) {
      const serial = index * size.podsPerService + replica;
      const workload = pod(namespace, `${name}-${replica}`, `10.77.${serial >> 8}.${serial & 255}`, {
        labels: { app: name, 'pod-template-hash': `h${replica}` },
        serviceAccount: name,
      });
      objects.push(workload);
      pods.push(workload);
    }
  }
  return { objects, pods };
}
