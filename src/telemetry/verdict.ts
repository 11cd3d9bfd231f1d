/** What the shadow rules of one action said: `absent` where there are none, or where the request never reached them. */
export type Shadow =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unmatched' }
  /** `rule`: the first that matched, by name; Envoy tells no other. */
  | { readonly kind: 'matched'; readonly rule: string };

/** What RBAC filters reported of one request, or of one TCP connection. */
export interface RbacFacts {
  /** `deny`: a DENY policy matched. `allow`: there are ALLOW policies, and none matched. */
  readonly deniedBy: 'nobody' | 'deny' | 'allow';
  /** Whether an enforced ALLOW policy matched; `none` where there is none. Not known for what a DENY policy stopped. */
  readonly allow: 'none' | 'matched' | 'unmatched';
  readonly dryRunDeny: Shadow;
  readonly dryRunAllow: Shadow;
}

export type Outcome = 'allowed' | 'denied';

/** What was done with a request, and what would be done with it once all dry runs are enforced. */
export interface Verdict {
  readonly now: Outcome;
  readonly would: Outcome;
  /** What decides `would`. */
  readonly because: 'deny' | 'dry-run-deny' | 'allow' | 'dry-run-allow' | 'no-allow' | 'none-matched';
}

/**
 * One verdict of all policies together, dry runs as if they were enforced, in the order in which they decide: DENY, then
 * ALLOW, and without any ALLOW all pass (behaviour.md 1.3, Evaluation). Envoy itself reports each filter for itself.
 */
export function verdictOf(facts: RbacFacts): Verdict {
  const now = facts.deniedBy === 'nobody' ? 'allowed' : 'denied';
  const because = reasonOf(facts);
  const denied = because === 'deny' || because === 'dry-run-deny' || because === 'none-matched';
  return { now, would: denied ? 'denied' : 'allowed', because };
}

function reasonOf({ deniedBy, allow, dryRunDeny, dryRunAllow }: RbacFacts): Verdict['because'] {
  if (deniedBy === 'deny') return 'deny';
  if (dryRunDeny.kind === 'matched') return 'dry-run-deny';
  if (allow === 'matched') return 'allow';
  if (dryRunAllow.kind === 'matched') return 'dry-run-allow';
  return allow === 'none' && dryRunAllow.kind === 'absent' ? 'no-allow' : 'none-matched';
}
