import type { envoy } from '@envoyproxy/protos';
import type { MatchSet, Operation, Source } from '../../model/authorization-policy.ts';
import type { StringMatch } from '../../model/match.ts';
import { expandTrustDomains, type TrustDomains } from '../policy/authorization-trust-domain.ts';
import { headerMatcher, hostMatchers, namespaceMatcher, principalMatchers, stringMatcher } from './matcher.ts';

type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;

/**
 * One `from` entry as an Envoy principal: all its fields together. Without any condition it's everybody, a plaintext
 * peer too (behaviour.md 1.3, Emitted RBAC).
 */
export function sourcePrincipal(source: Source, mesh: TrustDomains): Principal {
  const { principals, namespaces } = source;
  const expanded = {
    values: expandTrustDomains(principals.values, mesh),
    notValues: expandTrustDomains(principals.notValues, mesh),
  };
  return allIds([
    ...ids(expanded, (match) => [allIds(principalMatchers(match).map(authenticated))]),
    ...ids(namespaces, (match) => [authenticated(namespaceMatcher(match))]),
  ]);
}

/** One `to` entry as an Envoy permission: all its fields together, in the order hosts, methods, paths, ports. */
export function operationPermission(operation: Operation): Permission {
  const { hosts, methods, paths, ports } = operation;
  return allRules([
    ...rules(hosts, (match) => hostMatchers(match).map((together) => allRules(together.map((header) => ({ header }))))),
    ...rules(methods, (match) => [{ header: headerMatcher(':method', match) }]),
    ...rules(paths, (match) => [pathPermission(match)]),
    ...rules(ports, (port) => [{ destinationPort: port }]),
  ]);
}

export const anyPermission: Permission = { any: true };
export const anyPrincipal: Principal = { any: true };

/** Envoy itself cuts query and fragment off what `url_path` sees (behaviour.md pitfall 45). */
function pathPermission(match: StringMatch): Permission {
  return match.kind === 'present'
    ? { header: headerMatcher(':path', match) }
    : { urlPath: { path: stringMatcher(match) } };
}

function authenticated(principalName: envoy.type.matcher.v3.StringMatcher): Principal {
  return { authenticated: { principalName } };
}

/**
 * One of the values, and none of the others: OR, then NOT(OR). A value may be met in several ways. Envoy has the same
 * words twice, for ids and for rules.
 */
function ids<T>({ values, notValues }: MatchSet<T>, ways: (value: T) => readonly Principal[]): readonly Principal[] {
  return [
    ...(values.length > 0 ? [{ orIds: { ids: values.flatMap(ways) } }] : []),
    ...(notValues.length > 0 ? [{ notId: { orIds: { ids: notValues.flatMap(ways) } } }] : []),
  ];
}

function rules<T>(
  { values, notValues }: MatchSet<T>,
  ways: (value: T) => readonly Permission[],
): readonly Permission[] {
  return [
    ...(values.length > 0 ? [{ orRules: { rules: values.flatMap(ways) } }] : []),
    ...(notValues.length > 0 ? [{ notRule: { orRules: { rules: notValues.flatMap(ways) } } }] : []),
  ];
}

/** Envoy refuses an empty list, and one condition needs none. */
function allIds(conditions: readonly Principal[]): Principal {
  const [first = anyPrincipal, ...rest] = conditions;
  return rest.length === 0 ? first : { andIds: { ids: conditions } };
}

function allRules(conditions: readonly Permission[]): Permission {
  const [first = anyPermission, ...rest] = conditions;
  return rest.length === 0 ? first : { andRules: { rules: conditions } };
}
