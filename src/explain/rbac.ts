import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import { inRanges } from '../lib/ip.ts';
import {
  metadataAt,
  metadataMatches,
  stringMatcherText,
  stringMatches,
  templateMatches,
  valueMatcherText,
} from './matchers.ts';
import { peerWords } from './peer-words.ts';

type Rbac = envoy.config.rbac.v3.RBAC;
type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;

/** What Envoy's RBAC engine sees of a request, or of a connection. */
export interface Facts {
  /** Names of the peer's certificate in the order that Envoy tries them; undefined without one. */
  readonly peerNames: readonly string[] | undefined;
  /** Lower-case names, pseudo headers included; several values of one name joined by commas. Empty on TCP. */
  readonly headers: ReadonlyMap<string, string>;
  /** The values one by one, for an Envoy that tries them so (1.40); otherwise the joined text is compared. */
  readonly headerValues?: ReadonlyMap<string, readonly string[]>;
  readonly destination: { readonly address: string; readonly port: number };
  /** Address of the socket's peer, and of the client as far as proxies before us told it. */
  readonly peerAddress: string;
  readonly remoteAddress: string;
  /** '' without TLS, or without the name in it. */
  readonly sni: string;
  /** Dynamic metadata by filter. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** One condition that doesn't hold: what was asked for, and what is there instead. */
export interface Miss {
  /** `source principal`, `path`, `claim groups`, … */
  readonly attribute: string;
  readonly wanted: readonly string[];
  /** True: it must be none of `wanted`. */
  readonly negated: boolean;
  /** '' for nothing at all. */
  readonly actual: string;
}

/** What one RBAC rule set comes to. */
export interface RbacMatch {
  /** Name of the first policy that matches, in Envoy's order; undefined for none. */
  readonly matched: string | undefined;
  /** Of the policies that don't match: what keeps each of them from it. */
  readonly misses: readonly { readonly policy: string; readonly conditions: readonly Miss[] }[];
}

/** Finds the policy that Envoy's engine would find: names ascend, and the first that matches decides. */
export function matchRbac(rules: Rbac, facts: Facts): RbacMatch {
  const misses: { policy: string; conditions: readonly Miss[] }[] = [];
  const policies = Object.entries(rules.policies ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [policy, { permissions = [], principals = [] }] of policies) {
    const conditions = [
      ...best(permissions.map((each) => permissionMisses(each, facts))),
      ...best(principals.map((each) => principalMisses(each, facts))),
    ];
    if (conditions.length === 0) return { matched: policy, misses };
    misses.push({ policy, conditions });
  }
  return { matched: undefined, misses };
}

/** Of alternatives, the one that failed the least. Empty means that one of them holds. */
function best(alternatives: readonly (readonly Miss[])[]): readonly Miss[] {
  const [first = [], ...rest] = alternatives;
  return rest.reduce((least, each) => (each.length < least.length ? each : least), first);
}

/** Alternatives that ask about one attribute become one miss that lists them all. */
function noneOf(alternatives: readonly (readonly Miss[])[]): readonly Miss[] {
  const least = best(alternatives);
  const [only, ...others] = least;
  if (only === undefined || others.length > 0) return least;
  const alike = alternatives.flatMap(([miss, ...more]) =>
    miss !== undefined && more.length === 0 && miss.attribute === only.attribute && miss.negated === only.negated
      ? miss.wanted
      : [],
  );
  return [{ ...only, wanted: [...new Set(alike)] }];
}

/** What was asked for, for a negation that fails because it's there. */
interface Asked {
  readonly attribute: string;
  readonly wanted: string;
  readonly actual: string;
}

function miss({ attribute, wanted, actual }: Asked, holds: boolean): readonly Miss[] {
  return holds ? [] : [{ attribute, wanted: [wanted], negated: false, actual }];
}

/** A negation fails with the first thing inside that holds. */
function negated(holds: boolean, asked: readonly Asked[]): readonly Miss[] {
  if (!holds) return [];
  const [first] = asked;
  return [
    {
      attribute: first?.attribute ?? 'anything',
      wanted: asked.map(({ wanted }) => wanted),
      negated: true,
      actual: first?.actual ?? '',
    },
  ];
}

const never: Asked = { attribute: 'anything', wanted: 'nothing ever', actual: '' };

function permissionMisses(permission: Permission, facts: Facts): readonly Miss[] {
  if (permission.any !== undefined) return miss(never, permission.any);
  if (permission.andRules !== undefined)
    return (permission.andRules.rules ?? []).flatMap((each) => permissionMisses(each, facts));
  if (permission.orRules !== undefined)
    return noneOf((permission.orRules.rules ?? []).map((each) => permissionMisses(each, facts)));
  if (permission.notRule !== undefined) {
    const { notRule } = permission;
    const holds = permissionMisses(notRule, facts).length === 0;
    return negated(
      holds,
      permissionLeaves(notRule).flatMap((leaf) =>
        permissionMisses(leaf, facts).length === 0 ? [permissionAsked(leaf, facts)] : [],
      ),
    );
  }
  return miss(permissionAsked(permission, facts), permissionHolds(permission, facts));
}

function permissionHolds(permission: Permission, facts: Facts): boolean {
  if (permission.header !== undefined) return headerMatches(permission.header, facts);
  if (permission.urlPath?.path !== undefined) {
    const path = pathOf(facts);
    return path !== undefined && stringMatches(permission.urlPath.path, path);
  }
  if (permission.uriTemplate !== undefined) {
    const path = pathOf(facts);
    return path !== undefined && templateMatches(templateOf(permission.uriTemplate), path);
  }
  if (permission.destinationPort !== undefined) return permission.destinationPort === facts.destination.port;
  if (permission.destinationIp !== undefined)
    return inRanges(facts.destination.address, [rangeOf(permission.destinationIp)]);
  if (permission.requestedServerName !== undefined) return stringMatches(permission.requestedServerName, facts.sni);
  if (permission.metadata !== undefined) return metadataMatches(permission.metadata, facts.metadata);
  throw new Error(`unknown permission: ${JSON.stringify(permission)}`);
}

function permissionAsked(permission: Permission, facts: Facts): Asked {
  if (permission.header !== undefined) return headerAsked(permission.header, facts);
  const path = pathOf(facts) ?? '';
  if (permission.urlPath?.path !== undefined)
    return { attribute: 'path', wanted: stringMatcherText(permission.urlPath.path), actual: path };
  if (permission.uriTemplate !== undefined) {
    const wanted = templateOf(permission.uriTemplate).replace(/\*\*?/g, (star) => `{${star}}`);
    return { attribute: 'path', wanted, actual: path };
  }
  if (permission.destinationPort !== undefined)
    return { attribute: 'port', wanted: String(permission.destinationPort), actual: String(facts.destination.port) };
  if (permission.destinationIp !== undefined)
    return {
      attribute: 'destination address',
      wanted: rangeText(permission.destinationIp),
      actual: facts.destination.address,
    };
  if (permission.requestedServerName !== undefined)
    return { attribute: 'SNI', wanted: stringMatcherText(permission.requestedServerName), actual: facts.sni };
  if (permission.metadata !== undefined) return metadataAsked(permission.metadata, facts);
  return never;
}

function permissionLeaves(permission: Permission): readonly Permission[] {
  if (permission.orRules !== undefined) return (permission.orRules.rules ?? []).flatMap(permissionLeaves);
  if (permission.andRules !== undefined) return (permission.andRules.rules ?? []).flatMap(permissionLeaves);
  return [permission];
}

function principalMisses(principal: Principal, facts: Facts): readonly Miss[] {
  if (principal.any !== undefined) return miss(never, principal.any);
  if (principal.andIds !== undefined)
    return (principal.andIds.ids ?? []).flatMap((each) => principalMisses(each, facts));
  if (principal.orIds !== undefined)
    return noneOf((principal.orIds.ids ?? []).map((each) => principalMisses(each, facts)));
  if (principal.notId !== undefined) {
    const { notId } = principal;
    const holds = principalMisses(notId, facts).length === 0;
    return negated(
      holds,
      principalLeaves(notId).flatMap((leaf) =>
        principalMisses(leaf, facts).length === 0 ? [principalAsked(leaf, facts)] : [],
      ),
    );
  }
  return miss(principalAsked(principal, facts), principalHolds(principal, facts));
}

function principalHolds(principal: Principal, facts: Facts): boolean {
  if (principal.authenticated !== undefined) {
    const { principalName } = principal.authenticated;
    return (facts.peerNames ?? []).some((name) => principalName === undefined || stringMatches(principalName, name));
  }
  if (principal.directRemoteIp !== undefined) return inRanges(facts.peerAddress, [rangeOf(principal.directRemoteIp)]);
  if (principal.remoteIp !== undefined) return inRanges(facts.remoteAddress, [rangeOf(principal.remoteIp)]);
  if (principal.header !== undefined) return headerMatches(principal.header, facts);
  if (principal.metadata !== undefined) return metadataMatches(principal.metadata, facts.metadata);
  throw new Error(`unknown principal: ${JSON.stringify(principal)}`);
}

function principalAsked(principal: Principal, facts: Facts): Asked {
  if (principal.authenticated !== undefined)
    return peerWords(principal.authenticated.principalName, facts.peerNames ?? []);
  if (principal.directRemoteIp !== undefined)
    return { attribute: 'source address', wanted: rangeText(principal.directRemoteIp), actual: facts.peerAddress };
  if (principal.remoteIp !== undefined)
    return { attribute: 'remote address', wanted: rangeText(principal.remoteIp), actual: facts.remoteAddress };
  if (principal.header !== undefined) return headerAsked(principal.header, facts);
  if (principal.metadata !== undefined) return metadataAsked(principal.metadata, facts);
  return never;
}

function principalLeaves(principal: Principal): readonly Principal[] {
  if (principal.orIds !== undefined) return (principal.orIds.ids ?? []).flatMap(principalLeaves);
  if (principal.andIds !== undefined) return (principal.andIds.ids ?? []).flatMap(principalLeaves);
  return [principal];
}

type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

function headerMatches(matcher: HeaderMatcher, { headers, headerValues }: Facts): boolean {
  const name = (matcher.name ?? '').toLowerCase();
  const joined = headers.get(name);
  const values = headerValues?.get(name) ?? (joined === undefined ? [] : [joined]);
  if (matcher.invertMatch === true) throw new Error(`an inverted header matcher: ${JSON.stringify(matcher)}`);
  if (matcher.presentMatch !== undefined) return values.length > 0 === matcher.presentMatch;
  const { stringMatch } = matcher;
  if (stringMatch !== undefined) return values.some((value) => stringMatches(stringMatch, value));
  throw new Error(`unknown header matcher: ${JSON.stringify(matcher)}`);
}

const pseudoHeaders: Readonly<Record<string, string>> = { ':authority': 'host', ':method': 'method', ':path': 'path' };

function headerAsked({ name = '', stringMatch }: HeaderMatcher, { headers }: Facts): Asked {
  return {
    attribute: pseudoHeaders[name] ?? `header ${name}`,
    wanted: stringMatch === undefined ? '*' : stringMatcherText(stringMatch),
    actual: headers.get(name) ?? '',
  };
}

const shownClaims: Readonly<Record<string, string>> = {
  iss: 'token issuer',
  sub: 'token subject',
  aud: 'token audience',
  azp: 'token presenter',
};

function metadataAsked({ filter = '', path = [], value }: envoy.type.matcher.v3.MetadataMatcher, facts: Facts): Asked {
  const keys = path.map(({ key = '' }) => key);
  const [first, ...claim] = keys;
  const isClaim = filter === 'envoy.filters.http.jwt_authn' && first === 'payload';
  const actual = metadataAt(facts.metadata, filter, keys);
  return {
    attribute: isClaim
      ? (shownClaims[claim.join('.')] ?? `claim ${claim.join('.')}`)
      : `metadata ${filter} ${keys.join('.')}`,
    wanted: value === undefined ? '*' : valueMatcherText(value),
    actual: actual === undefined ? '' : typeof actual === 'string' ? actual : JSON.stringify(actual),
  };
}

/** What `url_path` sees: without query and fragment. */
function pathOf({ headers }: Facts): string | undefined {
  return headers.get(':path')?.replace(/[?#].*$/s, '');
}

function templateOf({ typedConfig }: envoy.config.core.v3.TypedExtensionConfig): string {
  const type = typeOf(typedConfig?.type_url ?? '');
  if (type !== 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig')
    throw new Error(`unknown path matcher: ${typedConfig?.type_url}`);
  return decode(type, typedConfig?.value ?? new Uint8Array()).pathTemplate ?? '';
}

type CidrRange = envoy.config.core.v3.CidrRange;

function rangeOf({ addressPrefix = '', prefixLen }: CidrRange) {
  return { address: addressPrefix, prefixLength: prefixLen?.value ?? 0 };
}

function rangeText(range: CidrRange): string {
  const { address, prefixLength } = rangeOf(range);
  return `${address}/${prefixLength}`;
}
