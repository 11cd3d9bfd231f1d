import type { DestinationRule, Subset } from './destination-rule.ts';
import type { PortPolicy, TrafficPolicy, WholePolicy } from './traffic-policy.ts';

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

/** A part of a rule that can be about a port. */
export interface PolicyPart {
  /** Where it stands. */
  readonly field: string;
  /** Whose it is; undefined: that of all of the host. */
  readonly subset: Subset | undefined;
  readonly policy: PortPolicy;
}

/** Each part of a rule that can be about a port. */
export function policyParts({ trafficPolicy, subsets }: DestinationRule): readonly PolicyPart[] {
  const policies = [
    { field: 'spec.trafficPolicy', subset: undefined, policy: trafficPolicy },
    ...subsets.map((subset, index) => ({
      field: `spec.subsets[${index}].trafficPolicy`,
      subset,
      policy: subset.trafficPolicy,
    })),
  ];
  return policies.flatMap(({ field, subset, policy }) =>
    policy === undefined
      ? []
      : [
          { field, subset, policy },
          ...[...policy.ports.values()].map((each) => ({ field: `${field}.portLevelSettings`, subset, policy: each })),
        ],
  );
}

/** What is said for no single port, of a subset or (`own` undefined) of all: one setting at a time, as above. */
export function wholePolicy(all: TrafficPolicy | undefined, own: TrafficPolicy | undefined): WholePolicy {
  return {
    proxyProtocol: own?.proxyProtocol ?? all?.proxyProtocol,
    retryBudget: own?.retryBudget ?? all?.retryBudget,
    tunnel: own?.tunnel ?? all?.tunnel,
  };
}
