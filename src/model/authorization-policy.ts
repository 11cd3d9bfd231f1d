import type { StringMatch } from './match.ts';
import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';

export type AuthorizationAction = 'ALLOW' | 'DENY';

/** One of `values` matches, and none of `notValues` does. An empty `values` means "no positive condition". */
export interface MatchSet<T> {
  readonly values: readonly T[];
  readonly notValues: readonly T[];
}

/** All fields hold together (AND); the values inside one field are alternatives (OR). */
export interface Source {
  readonly principals: MatchSet<StringMatch>;
  readonly namespaces: MatchSet<StringMatch>;
}

export interface Operation {
  readonly hosts: MatchSet<StringMatch>;
  readonly ports: MatchSet<number>;
  readonly methods: MatchSet<StringMatch>;
  readonly paths: MatchSet<StringMatch>;
}

/** `from` entries are alternatives, `to` entries are alternatives; an empty list means "any". */
export interface AuthorizationRule {
  readonly from: readonly Source[];
  readonly to: readonly Operation[];
}

export interface AuthorizationPolicy {
  readonly kind: 'AuthorizationPolicy';
  readonly meta: ObjectMeta;
  readonly selector: Selector;
  readonly action: AuthorizationAction;
  /**
   * Empty: nothing matches (an ALLOW then denies everything it selects). `[{ from: [], to: [] }]`: everything matches.
   */
  readonly rules: readonly AuthorizationRule[];
}

/** The name of one rule in Envoy: logs, stats and `authz check` show it. `ns[foo]-policy[web]-rule[0]`. */
export function ruleName(
  policy: { readonly meta: { readonly namespace: string; readonly name: string } },
  index: number,
): string {
  return `ns[${policy.meta.namespace}]-policy[${policy.meta.name}]-rule[${index}]`;
}
