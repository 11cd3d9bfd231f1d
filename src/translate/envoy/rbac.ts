import { envoy } from '@envoyproxy/protos';
import { anyOperation, anySource, ruleName } from '../../model/authorization-policy.ts';
import { compareText } from '../../model/object.ts';
import type { NumberedRule, PolicyRules } from '../policy/authorization.ts';
import type { TrustDomains } from '../policy/authorization-trust-domain.ts';
import { anyPermission, anyPrincipal, type Lean } from './rbac-lists.ts';
import { operationPermission } from './rbac-permission.ts';
import { sourcePrincipal } from './rbac-principal.ts';

type Rbac = envoy.config.rbac.v3.RBAC;
type Policy = envoy.config.rbac.v3.Policy;
type HttpRbac = envoy.extensions.filters.http.rbac.v3.RBAC;
type NetworkRbac = envoy.extensions.filters.network.rbac.v3.RBAC;

/** Actions that one RBAC filter stands for. CUSTOM has a filter for each of its providers. */
export type FilterAction = 'AUDIT' | 'DENY' | 'ALLOW';

/** What the policies of one action come to on one kind of port. */
export interface ActionRules {
  readonly enforced: readonly PolicyRules[];
  /** Of dry runs: shadow rules, which report and never decide. */
  readonly dryRun: readonly PolicyRules[];
}

const envoyAction = { AUDIT: 'LOG', DENY: 'DENY', ALLOW: 'ALLOW' } as const;

/** Begins the keys of what an ALLOW or DENY dry run reports in Envoy's metadata (behaviour.md 1.3, dry run). */
export const dryRunPrefix = { ALLOW: 'istio_dry_run_allow_', DENY: 'istio_dry_run_deny_' } as const;
/** Begins the keys under which an AUDIT match is reported: its own filter only leaves a hint without a name. */
export const auditPrefix = 'coxswain_audit_';
/** Where RBAC filters leave their verdicts, by what they look at. */
export const rbacMetadata = { http: 'envoy.filters.http.rbac', tcp: 'envoy.filters.network.rbac' } as const;
/** Ends the key of a shadow verdict; its value is `allowed` or `denied`. */
export const shadowResult = 'shadow_engine_result';

/** Begins the keys under which a match of a CUSTOM policy is found by its authorizer; no two providers share one. */
export const customPrefix = (provider: string): string => `istio_ext_authz_${provider}_`;

/** Names the rule that denies what an authorizer would have to be asked about while nobody asks it. */
export const unaskedRule = (provider: string): string => `istio-ext-authz-${provider}-not-asked`;

/**
 * The HTTP filter of one action. It's built for every slot, also without a policy: then it has no rules and lets all
 * pass, while a slot that gets no resource would hold its listener back (architecture.md, decision 7).
 */
export function httpRbac(action: FilterAction, rules: ActionRules, mesh: TrustDomains): HttpRbac {
  return filterOf(action, rules, mesh);
}

/**
 * The network filter of one action on a TCP port, or none without policies. It takes what `forTcp` left of them, so that
 * an edit of an HTTP field changes no byte of a TCP chain, and drains none.
 */
export function networkRbac(action: FilterAction, rules: ActionRules, mesh: TrustDomains): NetworkRbac | undefined {
  if (rules.enforced.length + rules.dryRun.length === 0) return undefined;
  return { ...filterOf(action, rules, mesh), statPrefix: 'tcp.' };
}

/**
 * Finds what CUSTOM policies match, for the authorizer that comes next: as shadow rules they decide nothing themselves.
 * `denied` under {@link customPrefix} means: ask.
 */
export function httpCustomMatch(policies: readonly PolicyRules[], provider: string, mesh: TrustDomains): HttpRbac {
  return { shadowRules: rbacRules('DENY', policies, mesh), shadowRulesStatPrefix: customPrefix(provider) };
}

/** The same on a TCP port. */
export function networkCustomMatch(
  policies: readonly PolicyRules[],
  provider: string,
  mesh: TrustDomains,
): NetworkRbac {
  return { ...httpCustomMatch(policies, provider, mesh), statPrefix: 'tcp.' };
}

/** With dry runs alone there are no `rules`, so that an ALLOW on trial doesn't deny (behaviour.md pitfall 57). */
function filterOf(action: FilterAction, { enforced, dryRun }: ActionRules, mesh: TrustDomains): HttpRbac {
  const rules = enforced.length === 0 ? {} : { rules: rbacRules(action, enforced, mesh) };
  if (action === 'AUDIT') {
    if (enforced.length === 0) return {};
    return { ...rules, shadowRules: rbacRules('DENY', enforced, mesh), shadowRulesStatPrefix: auditPrefix };
  }
  if (dryRun.length === 0) return rules;
  return { ...rules, shadowRules: rbacRules(action, dryRun, mesh), shadowRulesStatPrefix: dryRunPrefix[action] };
}

/**
 * All policies of one action as one Envoy RBAC, a policy of Envoy's for each rule (behaviour.md 1.3, Emitted RBAC). Names
 * ascend, because a protobuf map is written in the order it was filled and versions are hashes of bytes.
 */
export function rbacRules(action: FilterAction, policies: readonly PolicyRules[], mesh: TrustDomains): Rbac {
  const lean = action === 'ALLOW' ? 'narrow' : 'wide';
  const entries = policies.flatMap((each) => envoyPolicies(each, mesh, lean));
  const sorted = entries.toSorted(([a], [b]) => compareText(a, b));
  return { action: envoy.config.rbac.v3.RBAC.Action[envoyAction[action]], policies: Object.fromEntries(sorted) };
}

type NamedPolicy = readonly [name: string, policy: Policy];

/** What was made of a policy, by the mesh's names and the way it leans: an edit of one among a thousand makes one anew. */
const made = new WeakMap<PolicyRules, Map<string, readonly NamedPolicy[]>>();

function envoyPolicies(policy: PolicyRules, mesh: TrustDomains, lean: Lean): readonly NamedPolicy[] {
  const key = [lean, mesh.trustDomain, ...mesh.trustDomainAliases].join(' ');
  const byMesh = made.get(policy) ?? new Map<string, readonly NamedPolicy[]>();
  made.set(policy, byMesh);
  let known = byMesh.get(key);
  if (known === undefined) {
    known = build(policy, mesh, lean);
    byMesh.set(key, known);
  }
  return known;
}

function build(
  { namespace, name, rules, prefix = '', suffix = '' }: PolicyRules,
  mesh: TrustDomains,
  lean: Lean,
): readonly NamedPolicy[] {
  const named = (index: number) => `${prefix}${ruleName({ meta: { namespace, name } }, index)}${suffix}`;
  if (rules.length === 0) return [[named(0), never]];
  return rules.map((rule) => [named(rule.index), policyOf(rule, mesh, lean)]);
}

const never: Policy = { permissions: [{ notRule: anyPermission }], principals: [{ notId: anyPrincipal }] };

/** One of the operations by one of the sources, under all conditions; an empty list means any (behaviour.md 1.3, Evaluation). */
function policyOf({ from, to, when }: NumberedRule, mesh: TrustDomains, lean: Lean): Policy {
  const operations = to.length === 0 ? [anyOperation] : to;
  const sources = from.length === 0 ? [anySource] : from;
  return {
    permissions: operations.map((operation) => operationPermission(operation, when, lean)),
    principals: sources.map((source) => sourcePrincipal(source, when, mesh, lean)),
  };
}
