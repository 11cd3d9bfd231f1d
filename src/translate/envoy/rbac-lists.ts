import type { envoy } from '@envoyproxy/protos';
import type { MatchSet } from '../../model/authorization-policy.ts';

export type Permission = envoy.config.rbac.v3.Permission;
export type Principal = envoy.config.rbac.v3.Principal;

export const anyPermission: Permission = { any: true };
export const anyPrincipal: Principal = { any: true };

/**
 * One of the values, and none of the others: OR, then NOT(OR). A value may be met in several ways. Envoy has the same
 * words twice, for ids and for rules.
 */
export function ids<T>(
  { values, notValues }: MatchSet<T>,
  ways: (value: T) => readonly Principal[],
): readonly Principal[] {
  return [
    ...(values.length > 0 ? [{ orIds: { ids: values.flatMap(ways) } }] : []),
    ...(notValues.length > 0 ? [{ notId: { orIds: { ids: notValues.flatMap(ways) } } }] : []),
  ];
}

export function rules<T>(
  { values, notValues }: MatchSet<T>,
  ways: (value: T) => readonly Permission[],
): readonly Permission[] {
  return [
    ...(values.length > 0 ? [{ orRules: { rules: values.flatMap(ways) } }] : []),
    ...(notValues.length > 0 ? [{ notRule: { orRules: { rules: notValues.flatMap(ways) } } }] : []),
  ];
}

/** All together. Envoy refuses an empty list, and one condition needs none. */
export function allIds(conditions: readonly Principal[]): Principal {
  const [first = anyPrincipal, ...rest] = conditions;
  return rest.length === 0 ? first : { andIds: { ids: conditions } };
}

export function allRules(conditions: readonly Permission[]): Permission {
  const [first = anyPermission, ...rest] = conditions;
  return rest.length === 0 ? first : { andRules: { rules: conditions } };
}
