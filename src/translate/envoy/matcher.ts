import type { envoy } from '@envoyproxy/protos';
import type { ServiceAccountRef } from '../../model/authorization-policy.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import type { StringMatch } from '../../model/match.ts';
import type { Lean } from './rbac-lists.ts';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

/**
 * What Envoy takes for a pattern unless its bootstrap says otherwise: RE2's program size, which is near to one for each
 * byte, and up to eight for a class of characters (Envoy 1.36, which reads UTF-8; 1.40 reads bytes and needs fewer). One
 * pattern above it, and Envoy refuses the whole resource, so none of ours may grow with a user's value.
 */
const maxProgramSize = 100;

/**
 * Any bytes. A dot wouldn't do: to Envoy 1.36 it's a character of UTF-8, and a client whose bytes are none would get past a
 * DENY of "present" (seen with a server name of TLS).
 */
const anyBytes = '\\C*';
const someBytes = '\\C+';

/**
 * Quotes every character that RE2 gives a meaning, so that a value stays a literal where only a pattern will do
 * (behaviour.md 1.3). RE2 reads all others as themselves, newlines and letters beyond ASCII too.
 */
export function quote(literal: string): string {
  return literal.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/** A value of which `*` asks for presence, and all else is compared as it is, upper and lower case being different. */
export function stringMatcher(match: StringMatch): StringMatcher {
  switch (match.kind) {
    case 'exact':
      return { exact: match.value };
    case 'prefix':
      return match.value === '' ? present : { prefix: match.value };
    case 'suffix':
      return match.value === '' ? present : { suffix: match.value };
    case 'present':
      return present;
  }
}

/**
 * A server name of TLS, of which case doesn't count (RFC 6066 section 3). Envoy makes it small before anybody looks, so that one written
 * with a capital would never match, whatever the client writes.
 */
export function serverNameMatcher(match: StringMatch): StringMatcher {
  const matcher = stringMatcher(match);
  return matcher.safeRegex === undefined ? { ...matcher, ignoreCase: true } : matcher;
}

/** A header by its whole value (behaviour.md pitfall 44). */
export function headerMatcher(name: string, match: StringMatch): HeaderMatcher {
  return match.kind === 'present' ? { name, presentMatch: true } : { name, stringMatch: stringMatcher(match) };
}

/**
 * The ways in which a header that may come several times has a value. Envoy 1.40 looks at each of them, 1.36 at all together
 * with commas in between: what denies must find the value there, too, or sending a second one would be a way around it.
 */
export function headerMatchers(name: string, match: StringMatch, lean: Lean): readonly HeaderMatcher[] {
  const whole = headerMatcher(name, match);
  if (lean === 'narrow' || match.kind === 'present' || match.value === '') return [whole];
  const { value } = match;
  const among = {
    exact: [{ prefix: `${value},` }, { suffix: `,${value}` }, { contains: `,${value},` }],
    prefix: [{ contains: `,${value}` }],
    suffix: [{ contains: `${value},` }],
  } satisfies Record<typeof match.kind, readonly StringMatcher[]>;
  return [whole, ...among[match.kind].map((stringMatch) => ({ name, stringMatch }))];
}

/**
 * The ways in which an authority has a host, whatever its case and port; in each way, all matchers hold together. A value
 * matches the authority as it is or without its port, so one that names a port asks for that port.
 *
 * A port is digits or nothing (RFC 3986 section 3.2.3): neither `host:` nor `host:8080` slips past a DENY of `host`, and
 * `host:evil` isn't `host` for an ALLOW. "The value, a colon, then digits" is said in two matchers to keep the value out
 * of the pattern: a literal, and a constant pattern by which the only colon that can follow it is the port's.
 */
export function hostMatchers(match: StringMatch): readonly (readonly HeaderMatcher[])[] {
  const name = ':authority';
  if (match.kind === 'present') {
    return [[{ name, presentMatch: true }]];
  }
  const whole: HeaderMatcher = { name, stringMatch: { ...stringMatcher(match), ignoreCase: true } };
  const bracketed = match.value.endsWith(']');
  if (match.kind === 'prefix' || match.value === '' || (match.value.includes(':') && !bracketed)) {
    return [[whole]];
  }
  const literal = `${match.value}:`;
  return [
    [whole],
    [
      {
        name,
        stringMatch: { ...(match.kind === 'exact' ? { prefix: literal } : { contains: literal }), ignoreCase: true },
      },
      { name, stringMatch: regex(bracketed ? '(\\[[^\\]]*\\]|[^:]*):[0-9]*' : '[^:]*:[0-9]*') },
    ],
  ];
}

/**
 * A peer's identity; all matchers hold together. Policies write principals without the scheme (pitfall 41). Presence asks
 * for one character at least: a plaintext peer, or one without a certificate, has none (pitfall 40).
 *
 * A suffix wants the scheme too, which only a pattern can say of one name: Envoy tries each name in a certificate by
 * itself. So the end of the value goes into the pattern, as far as it's sure to fit, and a longer one is compared whole besides.
 */
export function principalMatchers(match: StringMatch): readonly StringMatcher[] {
  switch (match.kind) {
    case 'exact':
      return [{ exact: `spiffe://${match.value}` }];
    case 'prefix':
      return [{ prefix: `spiffe://${match.value}` }];
    case 'suffix': {
      const end = lastBytes(match.value, 80);
      const pattern = regex(`spiffe://${anyBytes}${quote(end)}`);
      return end === match.value ? [pattern] : [pattern, { suffix: match.value }];
    }
    case 'present':
      return [present];
  }
}

/**
 * A peer's namespace: exactly the second segment of a SPIFFE ID's path, after a first segment `ns`. A namespace can't hold
 * `*`, so one in the middle of a value stands for any characters, as users of the API have it (behaviour.md 1.3). A value
 * too long for a pattern is longer than a namespace can be (63), and matches none.
 */
export function namespaceMatcher(match: StringMatch): StringMatcher {
  const any = '[^/]*';
  if (match.kind === 'present') {
    return regex(`spiffe://[^/]+/ns/[^/]+/${someBytes}`);
  }
  const pieces = match.value.split('*');
  const stars = pieces.length - (match.kind === 'exact' ? 1 : 0);
  const size = 30 + Buffer.byteLength(pieces.join('')) + 8 * stars;
  if (size > maxProgramSize) {
    return nothing;
  }
  const [before, after] = [match.kind === 'suffix' ? any : '', match.kind === 'prefix' ? any : ''];
  return regex(`spiffe://[^/]+/ns/${before}${pieces.map(quote).join(any)}${after}/${someBytes}`);
}

/**
 * A peer's service account, in whatever trust domain; all matchers hold together. Names of Kubernetes can be longer than a
 * pattern may be, so the end of the identity is compared as text, and a constant pattern says that it's an end of five parts.
 */
export function serviceAccountMatchers({ namespace, name }: ServiceAccountRef): readonly StringMatcher[] {
  return [{ suffix: `/ns/${namespace}/sa/${name}` }, regex('spiffe://[^/]+/ns/[^/]+/sa/[^/]+')];
}

/**
 * A peer's trust domain, which is what stands between the scheme and the first slash; all matchers hold together. `*` is any
 * peer with an identity. The end of a long suffix goes into the pattern, and the whole of it is asked for besides.
 */
export function trustDomainMatchers(match: StringMatch): readonly StringMatcher[] {
  switch (match.kind) {
    case 'exact':
      return [{ prefix: `spiffe://${match.value}/` }];
    case 'prefix':
      return [{ prefix: `spiffe://${match.value}` }];
    case 'suffix': {
      const end = lastBytes(match.value, 60);
      const pattern = regex(`spiffe://[^/]*${quote(end)}/${anyBytes}`);
      return end === match.value ? [pattern] : [pattern, { contains: `${match.value}/` }];
    }
    case 'present':
      return [{ prefix: 'spiffe://' }];
  }
}

/** A range of addresses; Envoy never takes an IPv4 peer for the IPv6 address that maps it. */
export function addressRange({ address, prefixLength }: IpBlock): envoy.config.core.v3.CidrRange {
  return { addressPrefix: address, prefixLen: { value: prefixLength } };
}

/** RE2, and the whole text has to match (behaviour.md 1.3). */
function regex(pattern: string): StringMatcher {
  return { safeRegex: { regex: pattern } };
}

const present: StringMatcher = regex(someBytes);
const nothing: StringMatcher = regex('[^\\s\\S]');

/** The longest end of a text of at most so many bytes of UTF-8. */
function lastBytes(text: string, limit: number): string {
  const points = [...text];
  let [start, left] = [points.length, limit];
  for (let i = points.length - 1; i >= 0; i--) {
    left -= Buffer.byteLength(points[i] ?? '');
    if (left < 0) {
      break;
    }
    start = i;
  }
  return points.slice(start).join('');
}
