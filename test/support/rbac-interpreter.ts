import { envoy } from '@envoyproxy/protos';

type Rbac = envoy.config.rbac.v3.RBAC;
type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;
type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

/** What Envoy's RBAC engine sees of a request. */
export interface Seen {
  /** Names of the peer's certificate in the order that Envoy tries them; undefined without TLS. */
  readonly peerNames: readonly string[] | undefined;
  /** Lower-case names, pseudo headers included; empty on TCP. */
  readonly headers: ReadonlyMap<string, string>;
  readonly port: number;
}

/** What one RBAC filter says: no rules lets pass, ALLOW needs a match, DENY must have none (Envoy, RBAC filter). */
export function passes(rules: Rbac | undefined, seen: Seen): boolean {
  if (rules === undefined) {
    return true;
  }
  const matched = Object.values(rules.policies ?? {}).some(
    ({ permissions, principals }) =>
      (permissions ?? []).some((each) => permitted(each, seen)) &&
      (principals ?? []).some((each) => identified(each, seen)),
  );
  return matched === (rules.action !== envoy.config.rbac.v3.RBAC.Action.DENY);
}

function permitted(permission: Permission, seen: Seen): boolean {
  if (permission.any !== undefined) {
    return permission.any;
  }
  if (permission.andRules !== undefined) {
    return (permission.andRules.rules ?? []).every((each) => permitted(each, seen));
  }
  if (permission.orRules !== undefined) {
    return (permission.orRules.rules ?? []).some((each) => permitted(each, seen));
  }
  if (permission.notRule !== undefined) {
    return !permitted(permission.notRule, seen);
  }
  if (permission.header !== undefined) {
    return headerMatches(permission.header, seen);
  }
  if (permission.urlPath?.path !== undefined) {
    const path = seen.headers.get(':path');
    return path !== undefined && stringMatches(permission.urlPath.path, path.replace(/[?#].*$/s, ''));
  }
  if (permission.destinationPort !== undefined) {
    return permission.destinationPort === seen.port;
  }
  throw new Error(`the interpreter doesn't know this permission: ${JSON.stringify(permission)}`);
}

function identified(principal: Principal, seen: Seen): boolean {
  if (principal.any !== undefined) {
    return principal.any;
  }
  if (principal.andIds !== undefined) {
    return (principal.andIds.ids ?? []).every((each) => identified(each, seen));
  }
  if (principal.orIds !== undefined) {
    return (principal.orIds.ids ?? []).some((each) => identified(each, seen));
  }
  if (principal.notId !== undefined) {
    return !identified(principal.notId, seen);
  }
  if (principal.authenticated !== undefined) {
    const { principalName } = principal.authenticated;
    return (seen.peerNames ?? []).some((name) => principalName === undefined || stringMatches(principalName, name));
  }
  throw new Error(`the interpreter doesn't know this principal: ${JSON.stringify(principal)}`);
}

function headerMatches(matcher: HeaderMatcher, seen: Seen): boolean {
  const value = seen.headers.get(matcher.name ?? '');
  if (matcher.presentMatch !== undefined) {
    return (value !== undefined) === matcher.presentMatch;
  }
  if (matcher.stringMatch !== undefined) {
    return value !== undefined && stringMatches(matcher.stringMatch, value);
  }
  throw new Error(`the interpreter doesn't know this header matcher: ${JSON.stringify(matcher)}`);
}

function stringMatches(matcher: StringMatcher, text: string): boolean {
  const fold = (value: string) =>
    matcher.ignoreCase === true ? value.replace(/[A-Z]/g, (c) => c.toLowerCase()) : value;
  if (matcher.exact !== undefined) {
    return fold(text) === fold(matcher.exact);
  }
  if (matcher.prefix !== undefined) {
    return fold(text).startsWith(fold(matcher.prefix));
  }
  if (matcher.suffix !== undefined) {
    return fold(text).endsWith(fold(matcher.suffix));
  }
  if (matcher.contains !== undefined) {
    return fold(text).includes(fold(matcher.contains));
  }
  if (matcher.safeRegex !== undefined) {
    return re2(matcher.safeRegex.regex ?? '').test(text);
  }
  throw new Error(`the interpreter doesn't know this string matcher: ${JSON.stringify(matcher)}`);
}

/** RE2's full match. The two languages agree on what the translator writes. */
function re2(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u');
}
