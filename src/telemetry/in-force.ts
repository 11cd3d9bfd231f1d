import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import type { Labels } from '../model/object.ts';
import { inNamespace, type Snapshot } from '../snapshot/snapshot.ts';
import { effectiveAuthorization } from '../translate/policy/authorization.ts';

/** The policies of one workload that reports are about. */
export interface InForce {
  /** Dry runs, DENY before ALLOW. */
  readonly dryRuns: readonly AuthorizationPolicy[];
  readonly audits: readonly AuthorizationPolicy[];
  /** Whether any enforced ALLOW policy holds for it. */
  readonly enforcedAllow: boolean;
}

/** More dry runs than these at once are counted no further: work for one request is bounded. */
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
  return {
    dryRuns: [...deny.dryRun, ...allow.dryRun].slice(0, maxDryRuns),
    audits: audit.enforced,
    enforcedAllow: allow.enforced.length > 0,
  };
}
