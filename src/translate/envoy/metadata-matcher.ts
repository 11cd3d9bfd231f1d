import type { envoy } from '@envoyproxy/protos';
import type { StringMatch } from '../../model/match.ts';
import { stringMatcher } from './matcher.ts';

type MetadataMatcher = envoy.type.matcher.v3.MetadataMatcher;
type ValueMatcher = envoy.type.matcher.v3.ValueMatcher;

/** Where the JWT filter leaves what it verified. */
export const jwtMetadata = 'envoy.filters.http.jwt_authn';
/** The key under which it puts a token's payload there. */
export const jwtPayload = 'payload';

/**
 * A value in a filter's dynamic metadata: a text, an element of a list, or either. Texts compare as everywhere else; numbers
 * and booleans match nothing (behaviour.md A.5, claim matcher).
 */
export function metadataMatcher(
  filter: string,
  path: readonly string[],
  match: StringMatch,
  shape: 'text' | 'list' | 'either',
): MetadataMatcher {
  const text: ValueMatcher = { stringMatch: stringMatcher(match) };
  const inList: ValueMatcher = { listMatch: { oneOf: text } };
  const value = {
    text,
    list: inList,
    either: { orMatch: { valueMatchers: [inList, text] } },
  } satisfies Record<typeof shape, ValueMatcher>;
  return { filter, path: path.map((key) => ({ key })), value: value[shape] };
}

/** A claim of the verified token; a list of which one is the value counts too (behaviour.md pitfall 53). */
export function claimMatcher(claim: readonly string[], match: StringMatch): MetadataMatcher {
  return metadataMatcher(jwtMetadata, [jwtPayload, ...claim], match, 'either');
}
