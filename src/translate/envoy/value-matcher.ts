import type { envoy } from '@envoyproxy/protos';
import type { ClaimMatch, NamedMatch, ValueMatch } from '../../model/http-match.ts';
import { jwtMetadata, jwtPayload } from './metadata-matcher.ts';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;
type MetadataMatcher = envoy.type.matcher.v3.MetadataMatcher;

/** A comparison of a route. An expression is RE2, and has to match as a whole (behaviour.md 5.7). */
export function valueMatcher(match: Exclude<ValueMatch, { readonly kind: 'present' }>): StringMatcher {
  switch (match.kind) {
    case 'exact':
      return { exact: match.value };
    case 'prefix':
      return { prefix: match.value };
    case 'regex':
      return { safeRegex: { regex: match.value } };
  }
}

/** A header that must be there, or have a value. */
export function withHeader({ name, match }: NamedMatch): HeaderMatcher {
  return match.kind === 'present' ? { name, presentMatch: true } : { name, stringMatch: valueMatcher(match) };
}

/** A header that must not be there, or not have a value; one that isn't there has none (behaviour.md 5.7). */
export function withoutHeader({ name, match }: NamedMatch): HeaderMatcher {
  return match.kind === 'present'
    ? { name, presentMatch: true, invertMatch: true }
    : { name, stringMatch: valueMatcher(match), invertMatch: true, treatMissingHeaderAsEmpty: true };
}

/** A query parameter that must be there, or have a value. */
export function queryMatcher({ name, match }: NamedMatch): envoy.config.route.v3.QueryParameterMatcher {
  return match.kind === 'present' ? { name, presentMatch: true } : { name, stringMatch: valueMatcher(match) };
}

/** A claim of the verified token, or, of a list, one of its values; the JWT filter stands before the routes of routers. */
export function claimInRoute({ claim, match }: ClaimMatch, wanted: boolean): MetadataMatcher {
  const path = [jwtPayload, ...claim].map((key) => ({ key }));
  const invert = wanted ? {} : { invert: true };
  if (match.kind === 'present') return { filter: jwtMetadata, path, value: { presentMatch: true }, ...invert };
  const text = { stringMatch: valueMatcher(match) };
  const value = { orMatch: { valueMatchers: [{ listMatch: { oneOf: text } }, text] } };
  return { filter: jwtMetadata, path, value, ...invert };
}
