import type { AuthorizationPolicy, AuthorizationRule } from '../model/authorization-policy.ts';
import type { ObjectMeta } from '../model/object.ts';
import type { MtlsSetting, PeerAuthentication } from '../model/peer-authentication.ts';
import type { AuthorizationPolicyParts } from './decode/authorization-policy.ts';
import type { PeerAuthenticationParts } from './decode/peer-authentication.ts';

/**
 * What a broken policy does while nobody has fixed it and no earlier good state is known: the object in force (if any), and
 * a sentence for people.
 */
export interface Fallback<T> {
  readonly object: T | undefined;
  readonly effect: string;
}

const unknownScope = 'nothing is enforced by this policy: which workloads it selects can not be read';
const asRead = 'the policy is enforced as far as it can be read';

/**
 * A broken PeerAuthentication never leaves a door wider than its author may have meant: a mode that can't be read is
 * STRICT in its scope, a port's mode that can't be read is STRICT on that port, and anything unknown beside them makes the
 * whole scope STRICT. Only a policy whose scope itself can't be read is left out: STRICT on workloads that it never
 * named would be an outage, not a protection (product.md, promises 1 and 2).
 */
export function failClosedPeerAuthentication(
  meta: ObjectMeta,
  parts: PeerAuthenticationParts,
): Fallback<PeerAuthentication> {
  if (parts.selector === 'unreadable') return { object: undefined, effect: unknownScope };
  const mtls: MtlsSetting = parts.stray || parts.mtls === 'unreadable' ? 'STRICT' : parts.mtls;
  const ports = new Map<number, MtlsSetting>();
  const strictPorts: number[] = [];
  for (const [port, mode] of parts.ports) {
    ports.set(port, mode === 'unreadable' ? 'STRICT' : mode);
    if (mode === 'unreadable') strictPorts.push(port);
  }
  const object: PeerAuthentication = {
    kind: 'PeerAuthentication',
    meta,
    selector: parts.selector,
    mtls,
    portLevelMtls: ports,
  };
  if (parts.stray || parts.mtls === 'unreadable')
    return { object, effect: 'STRICT is enforced for what this policy selects' };
  if (strictPorts.length > 0)
    return { object, effect: `STRICT is enforced on port ${strictPorts.join(', ')} of what this policy selects` };
  return { object, effect: asRead };
}

const everything: AuthorizationRule = { from: [], to: [] };

/**
 * A broken AuthorizationPolicy never allows more than its author may have meant. ALLOW: a rule with anything unreadable is
 * left out, so it matches less; with something unknown beside the rules no rule stays. DENY: a predicate that can't be read
 * is dropped, so its rule matches more; unreadable rules match everything. CUSTOM, which this version can't ask about,
 * denies what it matches (behaviour.md 1.3, errors and CUSTOM). A policy whose scope or action can't be read, and one that
 * was never to decide anything (AUDIT, dry run), is left out.
 */
export function failClosedAuthorizationPolicy(
  meta: ObjectMeta,
  parts: AuthorizationPolicyParts,
): Fallback<AuthorizationPolicy> {
  if (parts.dryRun)
    return { object: undefined, effect: 'nothing is enforced by this policy: a dry run decides nothing' };
  if (parts.selector === 'unreadable') return { object: undefined, effect: unknownScope };
  const { selector, action } = parts;
  switch (action) {
    case 'unreadable':
      return { object: undefined, effect: 'nothing is enforced by this policy: its action can not be read' };
    case 'AUDIT':
      return { object: undefined, effect: 'nothing is recorded by this policy; AUDIT never decides anything' };
    case 'ALLOW': {
      const written = parts.rules === 'unreadable' ? [] : parts.rules;
      const rules = parts.stray ? [] : written.filter((each) => each.clean).map((each) => each.rule);
      const object: AuthorizationPolicy = { kind: 'AuthorizationPolicy', meta, selector, action, rules };
      if (rules.length === 0) return { object, effect: 'the policy allows nothing' };
      if (rules.length === written.length) return { object, effect: asRead };
      return { object, effect: 'the rules with errors allow nothing; the others are enforced' };
    }
    case 'DENY':
    case 'CUSTOM': {
      const rules = deniedRules(parts);
      if (rules.length === 0)
        return { object: undefined, effect: 'nothing is enforced by this policy: it has no rules' };
      const object: AuthorizationPolicy = { kind: 'AuthorizationPolicy', meta, selector, action: 'DENY', rules };
      if (rules.some((rule) => rule.from.length === 0 && rule.to.length === 0)) {
        return { object, effect: 'the policy denies every request to what it selects' };
      }
      return { object, effect: 'the policy denies what its rules match, without the conditions that can not be read' };
    }
  }
}

function deniedRules(parts: AuthorizationPolicyParts): readonly AuthorizationRule[] {
  if (parts.rules === 'unreadable' || (parts.stray && !parts.rulesWritten)) return [everything];
  return parts.rules.map((each) => each.rule);
}
