import { envoy } from '@envoyproxy/protos';
import { metadataAt } from './matchers.ts';
import type { NearMiss, Outcome, Shadow, Trail } from './outcome.ts';
import { type Facts, matchRbac, type RbacMatch } from './rbac.ts';

type HttpRbac = envoy.extensions.filters.http.rbac.v3.RBAC;
type Rbac = envoy.config.rbac.v3.RBAC;

const dryRuns: ReadonlyMap<string, Shadow['action']> = new Map([
  ['istio_dry_run_allow_', 'ALLOW'],
  ['istio_dry_run_deny_', 'DENY'],
]);
const auditPrefix = 'coxswain_audit_';
const { Action } = envoy.config.rbac.v3.RBAC;

/** What was found so far, while the filters of a chain run one after the other. */
export class Findings {
  readonly #asked: Trail['asked'][number][] = [];
  readonly #audited: string[] = [];
  readonly #shadows: Shadow[] = [];
  readonly #metadata: Record<string, unknown> = {};
  #tokenOf = '';
  #allowed: string | undefined;

  /** What filters left for the next ones, by filter. */
  get metadata(): Readonly<Record<string, unknown>> {
    return this.#metadata;
  }

  leave(filter: string, values: Readonly<Record<string, unknown>>): void {
    this.#metadata[filter] = { ...Object(this.#metadata[filter]), ...values };
  }

  believe(issuer: string): void {
    this.#tokenOf = issuer;
  }

  /** An external authorizer is asked, since the filter before it left this in the metadata. */
  ask(enabledBy: envoy.type.matcher.v3.MetadataMatcher | undefined, authorizer: string): void {
    const key = enabledBy?.path?.[0]?.key?.replace(/shadow_engine_result$/, 'shadow_effective_policy_id') ?? '';
    const rule = metadataAt(this.#metadata, enabledBy?.filter ?? '', [key]);
    this.#asked.push({ rule: typeof rule === 'string' ? rule : '', authorizer });
  }

  /** Runs one RBAC filter, and gives what ends the request there; undefined where it goes on. */
  rbac(filter: HttpRbac, facts: Facts, name: string): Outcome | undefined {
    this.#shadow(filter, facts, name);
    const { rules } = filter;
    if (rules === undefined) return undefined;
    const match = matchRbac(rules, facts);
    const passes = rules.action === Action.LOG || (match.matched !== undefined) === (rules.action !== Action.DENY);
    if (match.matched !== undefined && passes && rules.action !== Action.LOG) this.#allowed = match.matched;
    if (passes) return undefined;
    if (match.matched !== undefined) return { kind: 'rule', rule: match.matched };
    return { kind: 'no-match', nearest: nearest(match), rules: Object.keys(rules.policies ?? {}) };
  }

  trail(outcome: Outcome | undefined): Trail {
    return {
      outcome: outcome ?? { kind: 'passed', rule: this.#allowed },
      asked: this.#asked,
      audited: this.#audited,
      shadows: this.#shadows,
      tokenOf: this.#tokenOf,
    };
  }

  #shadow({ shadowRules, shadowRulesStatPrefix: prefix = '' }: HttpRbac, facts: Facts, name: string): void {
    if (shadowRules === undefined) return;
    const { matched } = matchRbac(shadowRules, facts);
    const result = shadowResult(shadowRules, matched);
    this.leave(name, {
      [`${prefix}shadow_engine_result`]: result,
      ...(matched !== undefined && { [`${prefix}shadow_effective_policy_id`]: matched }),
    });
    const action = dryRuns.get(prefix);
    if (action !== undefined) this.#shadows.push({ action, result, rule: matched });
    if (prefix === auditPrefix && matched !== undefined) this.#audited.push(matched);
  }
}

function shadowResult({ action }: Rbac, matched: string | undefined): Shadow['result'] {
  return (matched !== undefined) === (action !== Action.DENY) ? 'allowed' : 'denied';
}

/** The one with the fewest conditions that fail; of equals the first. A rule that never matches is near to nothing. */
function nearest({ misses }: RbacMatch): NearMiss | undefined {
  const real = misses.filter(({ conditions }) => !conditions.some(({ attribute }) => attribute === 'anything'));
  const [best] = real.toSorted((a, b) => a.conditions.length - b.conditions.length);
  return best && { rule: best.policy, conditions: best.conditions };
}
