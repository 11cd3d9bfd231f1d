import { envoy } from '@envoyproxy/protos';
import { type AuthorizationAction, ruleName } from '../../model/authorization-policy.ts';
import { compareText } from '../../model/object.ts';
import type { NumberedRule, PolicyRules } from '../policy/authorization.ts';
import type { TrustDomains } from '../policy/authorization-trust-domain.ts';
import { anyPermission, anyPrincipal, operationPermission, sourcePrincipal } from './rbac-condition.ts';

type Rbac = envoy.config.rbac.v3.RBAC;
type Policy = envoy.config.rbac.v3.Policy;

/**
 * The HTTP filter of one action. It's built for every slot, also without a policy: then it has no rules and lets all
 * pass, while a slot that gets no resource would hold its listener back (architecture.md, decision 7).
 */
export function httpRbac(
  action: AuthorizationAction,
  policies: readonly PolicyRules[],
  mesh: TrustDomains,
): envoy.extensions.filters.http.rbac.v3.RBAC {
  return policies.length === 0 ? {} : { rules: rbacRules(action, policies, mesh) };
}

/**
 * The network filter of one action on a TCP port, or none without policies. It takes what `forTcp` left of them, so that
 * an edit of an HTTP field changes no byte of a TCP chain, and drains none.
 */
export function networkRbac(
  action: AuthorizationAction,
  policies: readonly PolicyRules[],
  mesh: TrustDomains,
): envoy.extensions.filters.network.rbac.v3.RBAC | undefined {
  return policies.length === 0 ? undefined : { rules: rbacRules(action, policies, mesh), statPrefix: 'tcp.' };
}

/**
 * All policies of one action as one Envoy RBAC, a policy of Envoy's for each rule (behaviour.md 1.3, Emitted RBAC). Names
 * ascend, because a protobuf map is written in the order it was filled and versions are hashes of bytes.
 */
export function rbacRules(action: AuthorizationAction, policies: readonly PolicyRules[], mesh: TrustDomains): Rbac {
  const entries = policies.flatMap(({ namespace, name, rules }): readonly (readonly [string, Policy])[] => {
    const named = (index: number) => ruleName({ meta: { namespace, name } }, index);
    if (rules.length === 0) return [[named(0), never]];
    return rules.map((rule) => [named(rule.index), policyOf(rule, mesh)]);
  });
  entries.sort(([a], [b]) => compareText(a, b));
  return { action: envoy.config.rbac.v3.RBAC.Action[action], policies: Object.fromEntries(entries) };
}

const never: Policy = { permissions: [{ notRule: anyPermission }], principals: [{ notId: anyPrincipal }] };

/** One of the operations by one of the sources; an empty list means any (behaviour.md 1.3, Evaluation). */
function policyOf(rule: NumberedRule, mesh: TrustDomains): Policy {
  return {
    permissions: rule.to.length === 0 ? [anyPermission] : rule.to.map(operationPermission),
    principals: rule.from.length === 0 ? [anyPrincipal] : rule.from.map((source) => sourcePrincipal(source, mesh)),
  };
}
