import type {
  AuthorizationPolicy,
  AuthorizationRule,
  MatchSet,
  Operation,
  Source,
} from '../../src/model/authorization-policy.ts';
import { matchText, type StringMatch } from '../../src/model/match.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';

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
}

export type Verdict = 'allow' | 'deny';

/**
 * The meaning of AuthorizationPolicy in the plainest words, for comparison. It shares no code with the translator: no
 * pattern, no projection, no expansion; every question is answered from the text that a user writes.
 */
export function evaluate(policies: readonly AuthorizationPolicy[], request: NaiveRequest, mesh: TrustDomains): Verdict {
  const allows = policies.filter((policy) => policy.action === 'ALLOW');
  const matches = (policy: AuthorizationPolicy) =>
    policy.rules.some((rule) => ruleMatches(rule, policy.action, request, mesh));
  if (policies.some((policy) => policy.action === 'DENY' && matches(policy))) {
    return 'deny';
  }
  return allows.length === 0 || allows.some(matches) ? 'allow' : 'deny';
}

function ruleMatches(rule: AuthorizationRule, action: string, request: NaiveRequest, mesh: TrustDomains): boolean {
  const tcp = request.protocol === 'tcp';
  if (tcp && action === 'ALLOW' && rule.to.some(asksForHttp)) {
    return false;
  }
  const from = rule.from.length === 0 || rule.from.some((source) => sourceMatches(source, request, mesh));
  const to = rule.to.length === 0 || rule.to.some((operation) => operationMatches(operation, request));
  return from && to;
}

function asksForHttp({ hosts, methods, paths }: Operation): boolean {
  return [hosts, methods, paths].some((set) => set.values.length + set.notValues.length > 0);
}

function sourceMatches(source: Source, { principal }: NaiveRequest, mesh: TrustDomains): boolean {
  return (
    holds(source.principals, (match) => principalMatches(match, principal, mesh)) &&
    holds(source.namespaces, (match) => namespaceMatches(match, principal))
  );
}

function operationMatches(operation: Operation, request: NaiveRequest): boolean {
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
    holds(operation.paths, (match) => textMatches(match, path))
  );
}

function holds<T>(set: MatchSet<T>, matches: (value: T) => boolean): boolean {
  return (set.values.length === 0 || set.values.some(matches)) && !set.notValues.some(matches);
}

function textMatches(match: StringMatch, text: string): boolean {
  switch (match.kind) {
    case 'exact':
      return text === match.value;
    case 'prefix':
      return text.startsWith(match.value);
    case 'suffix':
      return text.endsWith(match.value);
    case 'present':
      return text !== '';
  }
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

function principalMatches(match: StringMatch, id: string, mesh: TrustDomains): boolean {
  const scheme = 'spiffe://';
  if (match.kind === 'present') {
    return id !== '';
  }
  if (!id.startsWith(scheme)) {
    return false;
  }
  const name = id.slice(scheme.length);
  return names(matchText(match), mesh).some((text) => wildcardMatches(text, name));
}

/** A principal under all names of this mesh, if it's one of this mesh's. */
function names(text: string, mesh: TrustDomains): readonly string[] {
  const parts = text.split('/');
  const own: readonly string[] = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const written = parts[0] ?? '';
  if (parts.length !== 5 || written === '*') {
    return [text];
  }
  const ours =
    written === 'cluster.local' || own.some((name) => wildcardMatches(written, name) || wildcardMatches(name, written));
  if (!ours) {
    return [text];
  }
  return own.map((name) =>
    written.startsWith('*') && name.endsWith(written.slice(1)) ? text : text.replace(written, () => name),
  );
}

function wildcardMatches(text: string, name: string): boolean {
  if (text.endsWith('*')) {
    return name.startsWith(text.slice(0, -1)) || (text.startsWith('*') && name.endsWith(text.slice(1)));
  }
  return text.startsWith('*') ? name.endsWith(text.slice(1)) : text === name;
}

function namespaceMatches(match: StringMatch, id: string): boolean {
  const [scheme, empty, domain, ns, namespace, ...rest] = id.split('/');
  if (
    scheme !== 'spiffe:' ||
    empty !== '' ||
    !domain ||
    ns !== 'ns' ||
    namespace === undefined ||
    rest.join('/') === ''
  ) {
    return false;
  }
  return match.kind === 'present' ? namespace !== '' : globMatches(matchText(match), namespace);
}

/** `*` stands for any run of characters, wherever it is. */
function globMatches(glob: string, text: string): boolean {
  if (glob === '') {
    return text === '';
  }
  if (glob.startsWith('*')) {
    return globMatches(glob.slice(1), text) || (text !== '' && globMatches(glob, text.slice(1)));
  }
  return text !== '' && glob[0] === text[0] && globMatches(glob.slice(1), text.slice(1));
}
