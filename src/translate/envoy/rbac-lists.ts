import type { envoy } from '@envoyproxy/protos';
import type { MatchSet } from '../../model/authorization-policy.ts';

export type Permission = envoy.config.rbac.v3.Permission;
export type Principal = envoy.config.rbac.v3.Principal;

export const anyPermission: Permission = { any: true };
export const anyPrincipal: Principal = { any: true };

/**
 * Which way to lean where Envoy can't say exactly what a policy means: what allows must not match more, what denies, or sends
 * to an authorizer, not less. A negation leans the other way.
 */
export type Lean = 'narrow' | 'wide';
const opposite: Readonly<Record<Lean, Lean>> = { narrow: 'wide', wide: 'narrow' };

/**
 * One of the values, and none of the others: OR, then NOT(OR). A value may be met in several ways. Envoy has the same
 * words twice, for ids and for rules.
 */
export function ids<T>(
  { values, notValues }: MatchSet<T>,
  lean: Lean,
  ways: (value: T, lean: Lean) => readonly Principal[],
): readonly Principal[] {
  const each = (list: readonly T[], way: Lean): Principal => ({
    orIds: { ids: list.flatMap((value) => ways(value, way)) },
  });
  return [
    ...(values.length > 0 ? [each(values, lean)] : []),
    ...(notValues.length > 0 ? [{ notId: each(notValues, opposite[lean]) }] : []),
  ];
}

export function rules<T>(
  { values, notValues }: MatchSet<T>,
  lean: Lean,
  ways: (value: T, lean: Lean) => readonly Permission[],
): readonly Permission[] {
  const each = (list: readonly T[], way: Lean): Permission => ({
    orRules: { rules: list.flatMap((value) => ways(value, way)) },
  });
  return [
    ...(values.length > 0 ? [each(values, lean)] : []),
    ...(notValues.length > 0 ? [{ notRule: each(notValues, opposite[lean]) }] : []),
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
