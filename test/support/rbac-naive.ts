import type {
  AuthorizationPolicy,
  AuthorizationRule,
  Condition,
  MatchSet,
  Operation,
  RequestPrincipalMatch,
  Source,
} from '../../src/model/authorization-policy.ts';
import type { PathMatch, StringMatch } from '../../src/model/match.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import {
  inBlock,
  isAccount,
  namespaceMatches,
  principalMatches,
  textMatches,
  trustDomainMatches,
} from './rbac-naive-peer.ts';
import type { Payload } from './rbac-tokens.ts';

/** One request, or one TCP connection (of which host, method and path are not looked at). */
export interface NaiveRequest {
  readonly protocol: 'http' | 'tcp';
  /** The peer's SPIFFE ID; '' for plaintext. */
  readonly principal: string;
  readonly host: string;
  readonly method: string;
  /** As sent: query included. */
  readonly path: string;
  /** The port that Envoy received it on. */
  readonly port: number;
  /** Both IPv4, dotted. */
  readonly clientAddress: string;
  readonly serverAddress: string;
  /** The address that the request was forwarded for, as a proxy before us says; undefined: it says nothing. */
  readonly forwardedFor: string | undefined;
  /** What the client asks for in its TLS greeting; not looked at in plaintext. */
  readonly sni: string;
  /** Header `x-team`; undefined: it isn't sent. */
  readonly team: string | undefined;
  /** Of the verified token. */
  readonly claims: Payload | undefined;
}

/** What another filter leaves on every HTTP request, as text and as list. */
export const leftFilter = 'envoy.filters.http.left';
/** The value that it leaves. */
export const left = { word: 'a.c', list: ['red', '.*'], deep: { word: 'blue' }, number: 5 };

export type Verdict = 'allow' | 'deny';

/**
 * The meaning of AuthorizationPolicy in the plainest words, for comparison. It shares no code with the translator: no
 * pattern, no projection, no expansion; every question is answered from the text that a user writes.
 */
export function evaluate(policies: readonly AuthorizationPolicy[], request: NaiveRequest, mesh: TrustDomains): Verdict {
  const enforced = policies.filter((policy) => !policy.dryRun);
  const allows = enforced.filter((policy) => policy.action === 'ALLOW');
  const matches = (policy: AuthorizationPolicy) =>
    policy.rules.some((rule) => ruleMatches(rule, policy.action, request, mesh));
  if (enforced.some((policy) => policy.action === 'DENY' && matches(policy))) {
    return 'deny';
  }
  return allows.length === 0 || allows.some(matches) ? 'allow' : 'deny';
}

function ruleMatches(rule: AuthorizationRule, action: string, request: NaiveRequest, mesh: TrustDomains): boolean {
  const tcp = request.protocol === 'tcp';
  if (tcp && action === 'ALLOW' && ruleAsksForHttp(rule)) {
    return false;
  }
  const from = rule.from.length === 0 || rule.from.some((source) => sourceMatches(source, request, mesh));
  const to =
    rule.to.length === 0 || rule.to.some((operation) => operationMatches(operation, request, action === 'ALLOW'));
  const when = rule.when
    .filter((each) => !tcp || !asksRequest(each))
    .every((each) => conditionMatches(each, request, mesh, action === 'ALLOW'));
  return from && to && when;
}

function ruleAsksForHttp({ from, to, when }: AuthorizationRule): boolean {
  return (
    to.some(asksForHttp) ||
    from.some(({ requestPrincipals: { values, notValues } }) => values.length + notValues.length > 0) ||
    when.some(asksRequest)
  );
}

const asksRequest = (condition: Condition): boolean =>
  condition.key.startsWith('request.') || ('filter' in condition && condition.filter.startsWith('envoy.filters.http.'));

function asksForHttp({ hosts, methods, paths }: Operation): boolean {
  return [hosts, methods, paths].some((set) => set.values.length + set.notValues.length > 0);
}

function sourceMatches(source: Source, request: NaiveRequest, mesh: TrustDomains): boolean {
  const { principal, clientAddress } = request;
  return (
    (request.protocol === 'tcp' || holds(source.requestPrincipals, (match) => tokenMatches(match, request))) &&
    holds(source.serviceAccounts, ({ namespace, name }) => isAccount(principal, namespace, name)) &&
    holds(source.trustDomains, (match) => trustDomainMatches(match, principal, mesh)) &&
    holds(source.ipBlocks, (block) => inBlock(clientAddress, block)) &&
    holds(source.remoteIpBlocks, (block) => inBlock(remoteAddress(request), block)) &&
    holds(source.principals, (match) => principalMatches(match, principal, mesh)) &&
    holds(source.namespaces, (match) => namespaceMatches(match, principal))
  );
}

function operationMatches(operation: Operation, request: NaiveRequest, narrow: boolean): boolean {
  if (!holds(operation.ports, (port) => port === request.port)) {
    return false;
  }
  if (request.protocol === 'tcp') {
    return true;
  }
  const [path = ''] = request.path.split('?');
  return (
    holds(operation.hosts, (match) => hostMatches(match, request.host)) &&
    holds(operation.methods, (match) => textMatches(match, request.method)) &&
    (operation.paths.values.length === 0 || operation.paths.values.some((match) => pathMatches(match, path, narrow))) &&
    !operation.paths.notValues.some((match) => pathMatches(match, path, !narrow))
  );
}

function holds<T>(set: MatchSet<T>, matches: (value: T) => boolean): boolean {
  return (set.values.length === 0 || set.values.some(matches)) && !set.notValues.some(matches);
}

function hostMatches(match: StringMatch, authority: string): boolean {
  if (match.kind === 'present') {
    return true; // Envoy answers 400 itself where there is no Host; an empty one is there
  }
  const wanted = { ...match, value: match.value.toLowerCase() };
  const whole = authority.toLowerCase();
  return textMatches(wanted, whole) || textMatches(wanted, withoutPort(whole));
}

/** `name:port`, `[address]:port`; the port may be empty. */
function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  if (colon < 0) {
    return authority;
  }
  const [host, port] = [authority.slice(0, colon), authority.slice(colon + 1)];
  const name = !host.includes(':');
  const address = host.startsWith('[') && host.indexOf(']') === host.length - 1;
  return [...port].every((c) => '0123456789'.includes(c)) && (name || address) ? host : authority;
}

/** Case doesn't count. */
function serverNameMatches(match: StringMatch, name: string): boolean {
  const wanted = match.kind === 'present' ? match : { ...match, value: match.value.toLowerCase() };
  return textMatches(wanted, name.toLowerCase());
}

function remoteAddress({ forwardedFor, clientAddress }: NaiveRequest): string {
  return forwardedFor ?? clientAddress;
}

function tokenMatches({ issuer, subject }: RequestPrincipalMatch, { claims }: NaiveRequest): boolean {
  return claims !== undefined && textMatches(issuer, claims.iss) && textMatches(subject, claims.sub);
}

function at(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const key of path) value = typeof value === 'object' && value !== null ? Object(value)[key] : undefined;
  return value;
}

/** What a claim holds, one by one; `scope` is a list of words. */
function claimValues(request: NaiveRequest, path: readonly string[]): readonly unknown[] {
  let value = at(request.claims, path);
  if (path.join() === 'scope' && typeof value === 'string') value = value.split(' ');
  return Array.isArray(value) ? value : [value];
}

function textClaimMatches(match: StringMatch, request: NaiveRequest, claim: string): boolean {
  return claimValues(request, [claim]).some((each) => typeof each === 'string' && textMatches(match, each));
}

/** A claim is a text, a number or a boolean, or a list of those. Large integers are equal only where it denies. */
function claimMatches(match: StringMatch, request: NaiveRequest, path: readonly string[], narrow: boolean): boolean {
  return claimValues(request, path).some((each) => {
    if (typeof each === 'string') return textMatches(match, each);
    if (typeof each !== 'number' && typeof each !== 'boolean') return false;
    if (match.kind !== 'exact') return match.kind === 'present';
    if (typeof each === 'boolean' || narrow)
      return match.value === JSON.stringify(each) && Math.abs(Number(each)) < 2 ** 53;
    return /^[-+.0-9eE]+$/.test(match.value) && !/^-?0[0-9]/.test(match.value) && Number(match.value) === each;
  });
}

function conditionMatches(condition: Condition, request: NaiveRequest, mesh: TrustDomains, narrow: boolean): boolean {
  const { principal } = request;
  switch (condition.key) {
    case 'source.principal':
      return holds(condition, (match) => principalMatches(match, principal, mesh));
    case 'source.namespace':
      return holds(condition, (match) => namespaceMatches(match, principal));
    case 'source.trustDomain':
      return holds(condition, (match) => trustDomainMatches(match, principal, mesh));
    case 'source.serviceAccount':
      return holds(condition, ({ namespace, name }) => isAccount(principal, namespace, name));
    case 'source.ip':
      return holds(condition, (block) => inBlock(request.clientAddress, block));
    case 'remote.ip':
      return holds(condition, (block) => inBlock(remoteAddress(request), block));
    case 'destination.ip':
      return holds(condition, (block) => inBlock(request.serverAddress, block));
    case 'destination.port':
      return holds(condition, (port) => port === request.port);
    case 'connection.sni':
      return holds(condition, (match) => serverNameMatches(match, principal === '' ? '' : request.sni));
    case 'request.auth.principal':
      return holds(condition, (match) => tokenMatches(match, request));
    case 'request.auth.audiences':
      return holds(condition, (match) => textClaimMatches(match, request, 'aud'));
    case 'request.auth.presenter':
      return holds(condition, (match) => textClaimMatches(match, request, 'azp'));
    case 'request.auth.claims':
      return (
        (condition.values.length === 0 ||
          condition.values.some((match) => claimMatches(match, request, condition.claim, narrow))) &&
        !condition.notValues.some((match) => claimMatches(match, request, condition.claim, !narrow))
      );
    case 'request.headers':
      return (
        (condition.values.length === 0 || condition.values.some((match) => teamMatches(match, request.team, narrow))) &&
        !condition.notValues.some((match) => teamMatches(match, request.team, !narrow))
      );
    case 'experimental.envoy.filters':
      return holds(condition, ({ match, inList }) => {
        const found =
          request.protocol === 'http' && condition.filter === leftFilter ? at(left, condition.path) : undefined;
        if (inList) return Array.isArray(found) && found.some((each) => textMatches(match, each));
        return typeof found === 'string' && textMatches(match, found);
      });
  }
}

/** An empty header is there. Where the policy denies, each run of values between commas counts, as if it came alone. */
function teamMatches(match: StringMatch, team: string | undefined, narrow: boolean): boolean {
  if (team === undefined) return false;
  if (match.kind === 'present' || textMatches(match, team)) return true;
  if (narrow) return false;
  const values = team.split(',');
  return values.some((_, from) =>
    values.some((_, to) => from <= to && textMatches(match, values.slice(from, to + 1).join(','))),
  );
}

/** Part by part. A wildcard stands for the characters of a plain path; where the policy denies, an odd one doesn't save it. */
function pathMatches(match: PathMatch, path: string, narrow: boolean): boolean {
  if (match.kind !== 'template') return textMatches(match, path);
  const plain = (text: string): boolean =>
    [...text].every((c) => "-._~%!$&'()*+,;:@=/".includes(c) || /[a-zA-Z0-9]/.test(c));
  const wanted = match.value.split('/');
  const found = path.split('/');
  const open = wanted.at(-1) === '{**}';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  const same = fixed.every((part, i) => (part === '{*}' ? (found[i] ?? '') !== '' : found[i] === part));
  const rest = open ? found.length > fixed.length : found.length === fixed.length;
  const wild = [
    ...fixed.flatMap((part, i) => (part === '{*}' ? [found[i] ?? ''] : [])),
    ...(open ? found.slice(fixed.length) : []),
  ];
  if (same && rest && wild.every(plain)) return true;
  return !narrow && path.startsWith(match.value.split('{')[0] ?? '') && !plain(path);
}
