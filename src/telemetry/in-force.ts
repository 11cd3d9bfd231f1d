import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import type { Labels } from '../model/object.ts';
import { inNamespace, type Snapshot } from '../snapshot/snapshot.ts';
import { effectiveAuthorization } from '../translate/policy/authorization.ts';

/** The policies of one workload that reports are about. */
export interface InForce {
  /** Dry runs, DENY before ALLOW. */
  readonly dryRuns: readonly AuthorizationPolicy[];
  /** Dry runs that are too many: counted only where Envoy names them. */
  readonly crowdedOut: readonly AuthorizationPolicy[];
  readonly audits: readonly AuthorizationPolicy[];
  /** Whether any enforced ALLOW policy holds for it. */
  readonly enforcedAllow: boolean;
}

/** Of more dry runs than these only matches are counted: work for one request is bounded. */
const maxDryRuns = 16;

/** What holds for a workload now. */
export function policiesInForce(
  { authorizationPolicies, mesh: { rootNamespace } }: Pick<Snapshot, 'authorizationPolicies' | 'mesh'>,
  workload: { readonly namespace: string; readonly labels: Labels },
): InForce {
  const policies = [...new Set([rootNamespace, workload.namespace])].flatMap((namespace) => [
    ...inNamespace(authorizationPolicies, namespace),
  ]);
  const { audit, deny, allow } = effectiveAuthorization(policies, workload, rootNamespace);
  const dryRuns = [...deny.dryRun, ...allow.dryRun];
  return {
    dryRuns: dryRuns.slice(0, maxDryRuns),
    crowdedOut: dryRuns.slice(maxDryRuns),
    audits: audit.enforced,
    enforcedAllow: allow.enforced.length > 0,
  };
}
