import type { RbacFacts, Verdict } from './verdict.ts';

/** A policy, as rules name it. */
export interface PolicyName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * What a policy had to do with a verdict. `matched`: one of its rules matched. `unmatched`: it's an ALLOW, nothing matched, and that
 * is why. `other`: it was there, and other policies decided. `audited`: it's an AUDIT that matched.
 */
export type Part = 'matched' | 'unmatched' | 'other' | 'audited';

const rulePattern = /^ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[\d{1,9}\]$/;

/** The policy of a rule's name; undefined for anything else that a sidecar may say. */
export function policyOfRule(rule: string): PolicyName | undefined {
  const [, namespace, name] = rulePattern.exec(rule) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/**
 * Which part a dry run has in a verdict, and its rule. Envoy names the first rule that matched; an ALLOW that denies it doesn't name at
 * all, so that is put down to every ALLOW on trial.
 */
export function partOf(
  { action, namespace, name }: PolicyName & { readonly action: 'ALLOW' | 'DENY' },
  { because }: Verdict,
  { dryRunDeny, dryRunAllow }: Pick<RbacFacts, 'dryRunDeny' | 'dryRunAllow'>,
): { readonly part: Part; readonly rule: string } {
  const shadow = action === 'DENY' ? dryRunDeny : dryRunAllow;
  // An ALLOW that matched decides nothing where a DENY did.
  const counts = action === 'DENY' || because === 'allow' || because === 'dry-run-allow';
  if (shadow.kind === 'matched' && counts) {
    const named = policyOfRule(shadow.rule);
    if (named?.namespace === namespace && named.name === name) return { part: 'matched', rule: shadow.rule };
  }
  return { part: action === 'ALLOW' && because === 'none-matched' ? 'unmatched' : 'other', rule: '' };
}
