import { assertNever } from '../lib/assert-never.ts';
import type { AuthorizationPolicy, AuthorizationRule } from '../model/authorization-policy.ts';
import type { ObjectMeta } from '../model/object.ts';
import type { MtlsSetting, PeerAuthentication } from '../model/peer-authentication.ts';
import type { RequestAuthentication } from '../model/request-authentication.ts';
import type { AuthorizationPolicyParts } from './decode/authorization-policy.ts';
import type { PeerAuthenticationParts } from './decode/peer-authentication.ts';
import type { RequestAuthenticationParts } from './decode/request-authentication.ts';

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
const everything: AuthorizationRule = { from: [], to: [], when: [] };

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

/**
 * A broken AuthorizationPolicy never allows more than its author may have meant. ALLOW: a rule with anything unreadable is
 * left out, so it matches less; with something unknown beside the rules no rule stays. DENY, AUDIT and CUSTOM: a predicate that
 * can't be read is dropped, so its rule matches more; unreadable rules match everything (behaviour.md 1.3, errors). A CUSTOM
 * policy without a readable provider has none, and then denies. A policy whose scope or action can't be read is left out. A dry
 * run stays one, and one that can't be (of CUSTOM or AUDIT) is left out.
 */
export function failClosedAuthorizationPolicy(
  meta: ObjectMeta,
  parts: AuthorizationPolicyParts,
): Fallback<AuthorizationPolicy> {
  const { selector, targets, action, provider, dryRun } = parts;
  if (selector === 'unreadable') return { object: undefined, effect: unknownScope };
  if (action === 'unreadable')
    return { object: undefined, effect: 'nothing is enforced by this policy: its action can not be read' };
  if (dryRun && (action === 'AUDIT' || action === 'CUSTOM'))
    return { object: undefined, effect: 'nothing is enforced by this policy: a dry run decides nothing' };
  const rules = action === 'ALLOW' ? allowedRules(parts) : widestRules(parts);
  if (rules.length === 0 && (action === 'DENY' || action === 'CUSTOM'))
    return { object: undefined, effect: 'nothing is enforced by this policy: it has no rules' };
  const object: AuthorizationPolicy = {
    kind: 'AuthorizationPolicy',
    meta,
    selector,
    targets,
    action,
    provider,
    dryRun,
    rules,
  };
  const effect = dryRun ? 'the policy decides nothing: it is a dry run of what can be read' : effectOf(object, parts);
  return { object, effect };
}

function effectOf({ action, rules, provider }: AuthorizationPolicy, parts: AuthorizationPolicyParts): string {
  const everyRequest = rules.some(({ from, to, when }) => from.length + to.length + when.length === 0);
  switch (action) {
    case 'ALLOW': {
      if (rules.length === 0) return 'the policy allows nothing';
      if (rules.length === (parts.rules === 'unreadable' ? 0 : parts.rules.length)) return asRead;
      return 'the rules with errors allow nothing; the others are enforced';
    }
    case 'AUDIT':
      return 'the policy records what its rules match, without the conditions that can not be read';
    case 'CUSTOM':
      if (provider !== '')
        return `${provider} is asked about ${everyRequest ? 'every request' : 'what the rules match, without the conditions that can not be read'}`;
      return everyRequest ? deniesAll : deniesWide;
    case 'DENY':
      return everyRequest ? deniesAll : deniesWide;
    default:
      return assertNever(action);
  }
}

const deniesAll = 'the policy denies every request to what it selects';
const deniesWide = 'the policy denies what its rules match, without the conditions that can not be read';

function allowedRules(parts: AuthorizationPolicyParts): readonly AuthorizationRule[] {
  if (parts.stray || parts.rules === 'unreadable') return [];
  return parts.rules.filter((each) => each.clean).map((each) => each.rule);
}

function widestRules(parts: AuthorizationPolicyParts): readonly AuthorizationRule[] {
  if (parts.rules === 'unreadable' || (parts.stray && !parts.rulesWritten)) return [everything];
  return parts.rules.map((each) => each.rule);
}

/**
 * A broken RequestAuthentication believes no token more than its author may have meant: an issuer with anything unreadable has no
 * keys, so that its tokens are refused; one whose issuer can't be read is left out, and no policy that asks for its tokens
 * is met.
 */
export function failClosedRequestAuthentication(
  meta: ObjectMeta,
  { selector, targets, rules }: RequestAuthenticationParts,
): Fallback<RequestAuthentication> {
  if (selector === 'unreadable') return { object: undefined, effect: unknownScope };
  const object: RequestAuthentication = { kind: 'RequestAuthentication', meta, selector, targets, rules };
  const refused = rules.filter(({ keys }) => keys.kind === 'none').map(({ issuer }) => JSON.stringify(issuer));
  return {
    object,
    effect:
      refused.length === 0 ? asRead : `tokens of ${refused.join(', ')} are refused; other issuers are not touched`,
  };
}
