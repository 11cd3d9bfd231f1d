import type { envoy } from '@envoyproxy/protos';
import { claimNumber } from '../../model/claim-number.ts';
import type { StringMatch } from '../../model/match.ts';
import { stringMatcher } from './matcher.ts';
import type { Lean } from './rbac-lists.ts';

type MetadataMatcher = envoy.type.matcher.v3.MetadataMatcher;
type ValueMatcher = envoy.type.matcher.v3.ValueMatcher;

/** Where the JWT filter leaves what it verified. */
export const jwtMetadata = 'envoy.filters.http.jwt_authn';
/** The key under which it puts a token's payload there. */
export const jwtPayload = 'payload';

/** A value in a filter's dynamic metadata: a text, or in a list one. Texts compare as everywhere else; all else matches nothing. */
export function metadataMatcher(
  filter: string,
  path: readonly string[],
  match: StringMatch,
  shape: 'text' | 'list',
): MetadataMatcher {
  const text: ValueMatcher = { stringMatch: stringMatcher(match) };
  return matcherAt(filter, path, shape === 'text' ? text : listOf(text));
}

/** A claim that is a text, or a list of texts, by its definition (RFC 7519 section 4.1, OpenID Connect Core 1.0 section 2). */
export function textClaimMatcher(claim: string, match: StringMatch): MetadataMatcher {
  return matcherAt(jwtMetadata, [jwtPayload, claim], orInList([{ stringMatch: stringMatcher(match) }]));
}

/**
 * A claim of the verified token, or an element of a list there (behaviour.md pitfall 53). A number or a boolean is compared as a
 * whole, as JSON writes it: to the systems that match texts alone, a DENY of `blocked: "true"` never matches a token that says `true`.
 */
export function claimMatcher(claim: readonly string[], match: StringMatch, lean: Lean): MetadataMatcher {
  const ways = [{ stringMatch: stringMatcher(match) }, ...scalars(match, lean)];
  return matcherAt(jwtMetadata, [jwtPayload, ...claim], orInList(ways));
}

/**
 * The numbers and booleans that a value stands for; a pattern for none, since of a number Envoy can only ask how large it is. What
 * allows takes only numbers that can't be mistaken for others, what denies each that the text reads as.
 */
function scalars(match: StringMatch, lean: Lean): readonly ValueMatcher[] {
  if (match.kind === 'present') {
    const number = { range: { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY } };
    return [{ doubleMatch: number }, { boolMatch: true }, { boolMatch: false }];
  }
  if (match.kind !== 'exact') return [];
  const { value } = match;
  if (value === 'true' || value === 'false') return [{ boolMatch: value === 'true' }];
  const number = claimNumber(value);
  return number !== undefined && (lean === 'wide' || number.exact) ? [{ doubleMatch: { exact: number.value } }] : [];
}

function matcherAt(filter: string, path: readonly string[], value: ValueMatcher): MetadataMatcher {
  return { filter, path: path.map((key) => ({ key })), value };
}

/** One of these, or a list in which one of them is. */
function orInList(ways: readonly ValueMatcher[]): ValueMatcher {
  const [only] = ways;
  const element = ways.length === 1 && only !== undefined ? only : { orMatch: { valueMatchers: ways } };
  return { orMatch: { valueMatchers: [listOf(element), ...ways] } };
}

function listOf(oneOf: ValueMatcher): ValueMatcher {
  return { listMatch: { oneOf } };
}
