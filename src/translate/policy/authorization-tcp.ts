import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  anyMatch,
  type MatchSet,
} from '../../model/authorization-policy.ts';
import { keys, operationReads, type Reads, readsOf, requestFields, sourceReads } from '../../model/request-fields.ts';
import type { NumberedRule, PolicyRules } from './authorization.ts';

/** A policy as a TCP port enforces it, and what of it can't be enforced there. */
export interface TcpProjection {
  readonly rules: PolicyRules;
  readonly dropped: readonly DroppedField[];
}

/** A field that needs a request, on a port that sees bytes only. */
export interface DroppedField {
  /** Path of the field in the document, `spec.rules[0].to[1].operation.notPaths`. */
  readonly field: string;
  /** `rule`: the whole ALLOW rule never matches. `condition`: any other rule holds without it, so it matches more. */
  readonly effect: 'rule' | 'condition';
}

/**
 * Projects a policy on a TCP port. All actions fail closed: an ALLOW rule with a field of HTTP never matches, and the
 * policy stays, so that the default is still to deny; any other rule loses that condition and becomes broader
 * (behaviour.md 1.3, TCP behaviour summary). The same object for the same policy.
 */
export function forTcp(policy: AuthorizationPolicy): TcpProjection {
  const known = onTcp.get(policy);
  if (known !== undefined) return known;
  const made = project(policy);
  onTcp.set(policy, made);
  return made;
}

const onTcp = new WeakMap<AuthorizationPolicy, TcpProjection>();

function project(policy: AuthorizationPolicy): TcpProjection {
  const dropped: DroppedField[] = [];
  const rules: NumberedRule[] = [];
  const effect = policy.action === 'ALLOW' ? 'rule' : 'condition';
  policy.rules.forEach((rule, index) => {
    const fields = requestFields(rule).map((field) => ({ field: `spec.rules[${index}].${field}`, effect }) as const);
    dropped.push(...fields);
    if (fields.length === 0) rules.push({ index, from: rule.from, to: rule.to, when: rule.when });
    else if (effect === 'condition') rules.push({ index, ...withoutRequestFields(rule) });
  });
  return { rules: { namespace: policy.meta.namespace, name: policy.meta.name, rules }, dropped };
}

function withoutRequestFields(rule: AuthorizationRule): AuthorizationRule {
  return {
    from: alternatives(rule.from.map((source) => strip(source, sourceReads))),
    to: alternatives(rule.to.map((operation) => strip(operation, operationReads))),
    when: rule.when.filter((condition) => readsOf(condition) === 'connection'),
  };
}

function strip<T extends { readonly [K in keyof T]: MatchSet<unknown> }>(fields: T, reads: Reads<T>): T {
  return {
    ...fields,
    ...Object.fromEntries(
      keys(reads)
        .filter((key) => reads[key] === 'request')
        .map((key) => [key, anyMatch]),
    ),
  };
}

/** One alternative without any condition makes the others moot: the list says "any" then, which is the empty list. */
function alternatives<T extends { readonly [K in keyof T]: MatchSet<unknown> }>(list: readonly T[]): readonly T[] {
  const unconditional = list.some((fields) =>
    keys(fields).every((key) => fields[key].values.length === 0 && fields[key].notValues.length === 0),
  );
  return unconditional ? [] : list;
}
