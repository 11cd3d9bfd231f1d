import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  anyMatch,
  type Condition,
  type MatchSet,
  type Operation,
  type Source,
} from '../../model/authorization-policy.ts';
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

/** What a field is read from. A table over all keys, so that a new field can't be forgotten here. */
type Reads<T> = { readonly [K in keyof T]: 'connection' | 'request' };

const sourceReads: Reads<Source> = {
  principals: 'connection',
  requestPrincipals: 'request',
  namespaces: 'connection',
  serviceAccounts: 'connection',
  trustDomains: 'connection',
  ipBlocks: 'connection',
  remoteIpBlocks: 'connection',
};
const operationReads: Reads<Operation> = {
  hosts: 'request',
  ports: 'connection',
  methods: 'request',
  paths: 'request',
};

const conditionReads: Readonly<Record<Condition['key'], 'connection' | 'request'>> = {
  'source.principal': 'connection',
  'source.namespace': 'connection',
  'source.trustDomain': 'connection',
  'source.serviceAccount': 'connection',
  'source.ip': 'connection',
  'remote.ip': 'connection',
  'destination.ip': 'connection',
  'destination.port': 'connection',
  'connection.sni': 'connection',
  'experimental.envoy.filters': 'connection',
  'request.auth.principal': 'request',
  'request.auth.audiences': 'request',
  'request.auth.presenter': 'request',
  'request.auth.claims': 'request',
  'request.headers': 'request',
};

/**
 * Projects a policy on a TCP port. All actions fail closed: an ALLOW rule with a field of HTTP never matches, and the
 * policy stays, so that the default is still to deny; any other rule loses that condition and becomes broader
 * (behaviour.md 1.3, TCP behaviour summary).
 */
export function forTcp(policy: AuthorizationPolicy): TcpProjection {
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

/** The fields of a rule that need a request, as paths below the rule: `to[0].operation.paths`, `when[2]`. */
export function requestFields(rule: AuthorizationRule): readonly string[] {
  return [
    ...rule.from.flatMap((source, i) => used(source, sourceReads).map((name) => `from[${i}].source.${name}`)),
    ...rule.to.flatMap((operation, i) => used(operation, operationReads).map((name) => `to[${i}].operation.${name}`)),
    ...rule.when.flatMap(({ key }, i) => (conditionReads[key] === 'request' ? [`when[${i}]`] : [])),
  ];
}

function used<T extends { readonly [K in keyof T]: MatchSet<unknown> }>(fields: T, reads: Reads<T>): readonly string[] {
  return keys(reads)
    .filter((key) => reads[key] === 'request')
    .flatMap((key) => [
      ...(fields[key].values.length > 0 ? [key] : []),
      ...(fields[key].notValues.length > 0 ? [`not${key.charAt(0).toUpperCase()}${key.slice(1)}`] : []),
    ]);
}

function withoutRequestFields(rule: AuthorizationRule): AuthorizationRule {
  return {
    from: alternatives(rule.from.map((source) => strip(source, sourceReads))),
    to: alternatives(rule.to.map((operation) => strip(operation, operationReads))),
    when: rule.when.filter(({ key }) => conditionReads[key] === 'connection'),
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

function keys<T extends object>(object: T): readonly Extract<keyof T, string>[] {
  const found: Extract<keyof T, string>[] = [];
  for (const key in object) found.push(key);
  return found;
}
