import type { AuthorizationAction, AuthorizationPolicy, AuthorizationRule } from '../../model/authorization-policy.ts';
import { compareText, type Labels } from '../../model/object.ts';
import { holdsFor } from '../../model/policy-scope.ts';

/** The policies of one action: those that decide, and those that only say what they would decide. */
export interface ActionPolicies {
  readonly enforced: readonly AuthorizationPolicy[];
  readonly dryRun: readonly AuthorizationPolicy[];
}

/**
 * The policies that hold for one workload, by action: all of one action are pooled, because scopes have no precedence
 * (behaviour.md 1.3, Evaluation).
 */
export interface EffectiveAuthorization {
  readonly custom: readonly AuthorizationPolicy[];
  readonly audit: ActionPolicies;
  readonly deny: ActionPolicies;
  readonly allow: ActionPolicies;
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
  /** What Envoy's name for a rule begins and ends with, beside the policy's own. */
  readonly prefix?: string;
  readonly suffix?: string;
}

/** A rule with its index in the document, which stays in its name when a neighbour is left out. */
export interface NumberedRule extends AuthorizationRule {
  readonly index: number;
}

/**
 * Finds the policies that select a workload: those of the root namespace, then those of its own. The order is by name
 * within each, whatever order they come in (behaviour.md 1.0).
 */
export function effectiveAuthorization(
  policies: Iterable<AuthorizationPolicy>,
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): EffectiveAuthorization {
  const selected = [...policies].filter((policy) => holdsFor(policy, workload, rootNamespace));
  selected.sort(
    (a, b) =>
      Number(b.meta.namespace === rootNamespace) - Number(a.meta.namespace === rootNamespace) ||
      compareText(a.meta.name, b.meta.name),
  );
  const of = (action: AuthorizationAction): ActionPolicies => {
    const all = selected.filter((policy) => policy.action === action);
    return { enforced: all.filter(({ dryRun }) => !dryRun), dryRun: all.filter(({ dryRun }) => dryRun) };
  };
  return { custom: of('CUSTOM').enforced, audit: of('AUDIT'), deny: of('DENY'), allow: of('ALLOW') };
}

const onHttp = new WeakMap<AuthorizationPolicy, PolicyRules>();

/** What a policy means where Envoy speaks HTTP: every field counts. The same object for the same policy. */
export function forHttp(policy: AuthorizationPolicy): PolicyRules {
  const known = onHttp.get(policy);
  if (known !== undefined) return known;
  const { meta, rules } = policy;
  const made = {
    namespace: meta.namespace,
    name: meta.name,
    rules: rules.map(({ from, to, when }, index) => ({ index, from, to, when })),
  };
  onHttp.set(policy, made);
  return made;
}

const onProviders = new WeakMap<PolicyRules, Map<string, PolicyRules>>();

/** Rules under other names in Envoy; the same object for the same rules and names. */
function renamed(rules: PolicyRules, prefix: string, suffix: string): PolicyRules {
  const byName = onProviders.get(rules) ?? new Map<string, PolicyRules>();
  onProviders.set(rules, byName);
  const key = prefix + suffix;
  const made = byName.get(key) ?? { ...rules, prefix, ...(suffix !== '' && { suffix }) };
  byName.set(key, made);
  return made;
}

/** The rules under the names that a CUSTOM policy's have in Envoy (behaviour.md 1.3, CUSTOM). */
export function namedForProvider(rules: PolicyRules, provider: string): PolicyRules {
  return renamed(rules, `istio-ext-authz-${provider}-`, '');
}

/** The same where the provider can't be asked: they deny, and the names say why. */
export function deniedForProvider(rules: PolicyRules, provider: string): PolicyRules {
  return renamed(rules, `istio-ext-authz-${provider}-`, '-deny-due-to-bad-CUSTOM-action');
}
