import type { HashKey, PortPolicy, TrafficPolicy } from '../../model/traffic-policy.ts';

/** How traffic is sent to a target, but for TLS. Undefined: as where no rule says anything. */
export interface TargetPolicy {
  readonly loadBalancer: PortPolicy['loadBalancer'];
  readonly connectionPool: PortPolicy['connectionPool'];
  readonly outlierDetection: PortPolicy['outlierDetection'];
  readonly proxyProtocol: TrafficPolicy['proxyProtocol'];
}

const nothing: PortPolicy = {
  tls: undefined,
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
};

/** What a rule says for a port: an entry for the port replaces all the rest, TLS too (behaviour.md 4.5). */
export function portPolicy(policy: TrafficPolicy | undefined, port: number): PortPolicy {
  return policy?.ports.get(port) ?? policy ?? nothing;
}

/** What a subset says goes field by field before what the rule says for all; its own entry for the port goes before everything. */
export function subsetPolicy(all: PortPolicy, own: TrafficPolicy | undefined, port: number): PortPolicy {
  if (own === undefined) return all;
  const forPort = own.ports.get(port);
  if (forPort !== undefined) return forPort;
  return {
    tls: own.tls ?? all.tls,
    loadBalancer: own.loadBalancer ?? all.loadBalancer,
    connectionPool: own.connectionPool ?? all.connectionPool,
    outlierDetection: own.outlierDetection ?? all.outlierDetection,
  };
}

/** What consistent load balancing hashes of a request. */
export function hashKeyOf({ loadBalancer }: Pick<TargetPolicy, 'loadBalancer'>): HashKey | undefined {
  const method = loadBalancer?.method;
  return typeof method === 'object' ? method.key : undefined;
}

export function targetPolicy(
  { loadBalancer, connectionPool, outlierDetection }: PortPolicy,
  proxyProtocol: TargetPolicy['proxyProtocol'],
): TargetPolicy {
  return { loadBalancer, connectionPool, outlierDetection, proxyProtocol };
}
