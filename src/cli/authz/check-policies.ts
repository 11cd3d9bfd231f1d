import { compareText } from '../../model/object.ts';
import type { View } from '../envoy/view.ts';
import type { HeldRule } from './policy-rules.ts';

const order = ['DENY', 'ALLOW', 'LOG', 'CUSTOM'] as const;

/** One policy of a workload, with how many of its rules there are. */
export interface HeldPolicy extends Omit<HeldRule, 'rule'> {
  readonly rules: number;
}

/** The policies that some filters hold, each once: by action, then by name (behaviour.md 8.3). */
export function heldPolicies(rules: readonly HeldRule[]): readonly HeldPolicy[] {
  const groups = Map.groupBy(rules, ({ action, dryRun, unasked, policy }) =>
    [order.indexOf(action), dryRun, unasked, policy].join(' '),
  );
  return [...groups.values()]
    .flatMap((those) => {
      const [first] = those;
      if (first === undefined) return [];
      const { rule: _, ...policy } = first;
      return [{ ...policy, rules: new Set(those.map(({ rule }) => rule)).size }];
    })
    .sort(
      (a, b) =>
        order.indexOf(a.action) - order.indexOf(b.action) ||
        compareText(a.policy, b.policy) ||
        Number(a.dryRun) - Number(b.dryRun),
    );
}

/** The table that users of today's `istioctl` know; dry runs, which that leaves out, are marked. */
export function policyView(policies: readonly HeldPolicy[]): View {
  return {
    headers: ['ACTION', 'AuthorizationPolicy', 'RULES'],
    rows: policies.map(({ action, dryRun, unasked, policy, rules }) => [
      `${action}${dryRun ? ' (dry run)' : ''}${unasked ? ' (denies: its authorizer is not usable)' : ''}`,
      policy,
      String(rules),
    ]),
  };
}
