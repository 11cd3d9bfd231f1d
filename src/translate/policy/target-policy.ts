import type { HashKey, PortPolicy, TrafficPolicy } from '../../model/traffic-policy.ts';

/** How traffic is sent to a target, but for TLS. Undefined: as where no rule says anything. */
export interface TargetPolicy {
  readonly loadBalancer: PortPolicy['loadBalancer'];
  readonly connectionPool: PortPolicy['connectionPool'];
  readonly outlierDetection: PortPolicy['outlierDetection'];
  readonly proxyProtocol: TrafficPolicy['proxyProtocol'];
}

export function targetPolicy(
  { loadBalancer, connectionPool, outlierDetection }: PortPolicy,
  proxyProtocol: TargetPolicy['proxyProtocol'],
): TargetPolicy {
  return { loadBalancer, connectionPool, outlierDetection, proxyProtocol };
}

/** What consistent load balancing hashes of a request. */
export function hashKeyOf({ loadBalancer }: Pick<TargetPolicy, 'loadBalancer'>): HashKey | undefined {
  const method = loadBalancer?.method;
  return typeof method === 'object' ? method.key : undefined;
}
