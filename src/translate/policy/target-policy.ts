import type { DestinationRule } from '../../model/destination-rule.ts';
import { portPolicy, subsetPolicy, wholePolicy } from '../../model/port-policy.ts';
import type { HashKey, PortPolicy, Tunnel, WholePolicy } from '../../model/traffic-policy.ts';

/** How traffic is sent to a target, but for TLS. Undefined: as where no rule says anything. */
export type TargetPolicy = Omit<PortPolicy, 'tls'> & WholePolicy;

export function targetPolicy(
  { loadBalancer, connectionPool, outlierDetection }: PortPolicy,
  { proxyProtocol, retryBudget, tunnel }: WholePolicy,
): TargetPolicy {
  return { loadBalancer, connectionPool, outlierDetection, proxyProtocol, retryBudget, tunnel };
}

/** What a rule says for a port of a destination: of the whole host, or of one of its subsets. */
export function policyOf(
  rule: Pick<DestinationRule, 'trafficPolicy' | 'subsets'>,
  subset: string,
  port: number,
): PortPolicy {
  const all = portPolicy(rule.trafficPolicy, port);
  return subsetPolicy(all, rule.subsets.find(({ name }) => name === subset)?.trafficPolicy, port);
}

/** The tunnel that leads to a destination: the whole host, or one of its subsets. */
export function tunnelOf(rule: Pick<DestinationRule, 'trafficPolicy' | 'subsets'>, subset: string): Tunnel | undefined {
  return wholePolicy(rule.trafficPolicy, rule.subsets.find(({ name }) => name === subset)?.trafficPolicy).tunnel;
}

/** What consistent load balancing hashes of a request. */
export function hashKeyOf({ loadBalancer }: Pick<TargetPolicy, 'loadBalancer'>): HashKey | undefined {
  const method = loadBalancer?.method;
  return typeof method === 'object' ? method.key : undefined;
}
