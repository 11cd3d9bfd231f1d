import type { AuthorizationRule, Condition, MatchSet, Operation, Source } from './authorization-policy.ts';

/** What a field is read from. A table over all keys, so that a new field can't be forgotten here. */
export type Reads<T> = { readonly [K in keyof T]: 'connection' | 'request' };

export const sourceReads: Reads<Source> = {
  principals: 'connection',
  requestPrincipals: 'request',
  namespaces: 'connection',
  serviceAccounts: 'connection',
  trustDomains: 'connection',
  ipBlocks: 'connection',
  remoteIpBlocks: 'connection',
};
export const operationReads: Reads<Operation> = {
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

/** What a condition is read from. What an HTTP filter leaves is there for requests only, whatever a connection carries. */
export function readsOf(condition: Condition): 'connection' | 'request' {
  if (condition.key === 'experimental.envoy.filters' && condition.filter.startsWith('envoy.filters.http.'))
    return 'request';
  return conditionReads[condition.key];
}

/** The fields of a rule that need a request, as paths below the rule: `to[0].operation.paths`, `when[2]`. */
export function requestFields(rule: AuthorizationRule): readonly string[] {
  return [
    ...rule.from.flatMap((source, i) => used(source, sourceReads).map((name) => `from[${i}].source.${name}`)),
    ...rule.to.flatMap((operation, i) => used(operation, operationReads).map((name) => `to[${i}].operation.${name}`)),
    ...rule.when.flatMap((condition, i) => (readsOf(condition) === 'request' ? [`when[${i}]`] : [])),
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

/** The keys of an object, as the names that they are. */
export function keys<T extends object>(object: T): readonly Extract<keyof T, string>[] {
  const found: Extract<keyof T, string>[] = [];
  for (const key in object) found.push(key);
  return found;
}
