import type { AuthorizationAction, AuthorizationPolicy, AuthorizationRule } from '../../model/authorization-policy.ts';
import { compareText, type Labels } from '../../model/object.ts';
import { selects } from '../../model/selector.ts';

/**
 * The policies that hold for one workload, by action: all of one action are pooled, because scopes have no precedence
 * (behaviour.md 1.3, Evaluation).
 */
export interface EffectiveAuthorization {
  readonly deny: readonly AuthorizationPolicy[];
  readonly allow: readonly AuthorizationPolicy[];
}

/**
 * What a policy contributes to an Envoy filter, and nothing else of it: an edit that doesn't change its meaning there
 * gives an equal value, so equal bytes.
 */
export interface PolicyRules {
  readonly namespace: string;
  readonly name: string;
  /** Empty: the policy is there and never matches, which under ALLOW is what denies (behaviour.md 1.3). */
  readonly rules: readonly NumberedRule[];
}

/** A rule with its index in the document, which stays in its name when a neighbour is left out. */
export interface NumberedRule extends AuthorizationRule {
  readonly index: number;
}

/**
 * Finds the policies that select a workload: those of the root namespace (a selector there matches in every namespace),
 * then those of its own. The order is by name within each, whatever order they come in (behaviour.md 1.0).
 */
export function effectiveAuthorization(
  policies: readonly AuthorizationPolicy[],
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): EffectiveAuthorization {
  const selected = policies.filter(
    ({ meta, selector }) =>
      (meta.namespace === rootNamespace || meta.namespace === workload.namespace) && selects(selector, workload.labels),
  );
  selected.sort(
    (a, b) =>
      Number(b.meta.namespace === rootNamespace) - Number(a.meta.namespace === rootNamespace) ||
      compareText(a.meta.name, b.meta.name),
  );
  const of = (action: AuthorizationAction) => selected.filter((policy) => policy.action === action);
  return { deny: of('DENY'), allow: of('ALLOW') };
}

/** What a policy means where Envoy speaks HTTP: every field counts. */
export function forHttp(policy: AuthorizationPolicy): PolicyRules {
  return {
    namespace: policy.meta.namespace,
    name: policy.meta.name,
    rules: policy.rules.map((rule, index) => ({ index, from: rule.from, to: rule.to })),
  };
}
