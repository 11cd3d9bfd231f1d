import { type GatewayServer, noPortTranslation } from '../../model/gateway.ts';
import { portOfName, serviceSelects } from '../../snapshot/indexes.ts';
import { inNamespace, type Snapshot } from '../../snapshot/snapshot.ts';
import type { WorkloadFacts } from './inbound.ts';

/** Where a gateway's ports are: by port of its Services, the ports that its process listens on, ascending. */
export type BoundPorts = ReadonlyMap<number, readonly number[]>;

/** The ports that Services lead to on a router: clients connect to a Service's port, Envoy listens on its target port (behaviour.md 5.2). */
export function boundPorts(snapshot: Snapshot, router: WorkloadFacts): BoundPorts {
  const found = new Map<number, Set<number>>();
  for (const service of inNamespace(snapshot.services, router.namespace)) {
    if (!serviceSelects(service, router.labels) || Object.hasOwn(service.meta.labels, noPortTranslation)) continue;
    for (const { port, targetPort } of service.ports) {
      const target = typeof targetPort === 'number' ? targetPort : portOfName(router.namedPorts, targetPort);
      if (target !== undefined) found.set(port, (found.get(port) ?? new Set()).add(target));
    }
  }
  return new Map([...found].map(([port, targets]) => [port, [...targets].sort((a, b) => a - b)]));
}

/** Where a server is bound; a port that no Service has is bound as it is written. */
export function portsOf(server: GatewayServer, bound: BoundPorts): readonly number[] {
  return bound.get(server.port) ?? [server.port];
}
