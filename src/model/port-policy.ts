import type { DestinationRule, Subset } from './destination-rule.ts';
import type { PortPolicy, TrafficPolicy } from './traffic-policy.ts';

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
