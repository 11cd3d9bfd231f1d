/**
 * How a text is compared (StringMatch of the API). `regex` is RE2 and has to match as a whole; `present` asks only that it's there
 * (behaviour.md 5.7).
 */
export type ValueMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string }
  | { readonly kind: 'present' };

/** A header or a query parameter, and how its value is compared. */
export interface NamedMatch {
  readonly name: string;
  readonly match: ValueMatch;
}

/** A claim of a verified token, as headers named `@request.auth.claims` ask for it; routers only. */
export interface ClaimMatch {
  readonly claim: readonly string[];
  readonly match: ValueMatch;
}

/** What a request must look like; every part must match, and one that is undefined or empty always does. */
export interface RequestMatch {
  /** The path without its query; never `present`. */
  readonly uri: ValueMatch | undefined;
  /** For an exact path and a prefix. */
  readonly ignoreUriCase: boolean;
  readonly scheme: ValueMatch | undefined;
  readonly method: ValueMatch | undefined;
  readonly authority: ValueMatch | undefined;
  readonly headers: readonly NamedMatch[];
  readonly withoutHeaders: readonly NamedMatch[];
  readonly claims: readonly ClaimMatch[];
  readonly withoutClaims: readonly ClaimMatch[];
  readonly queryParams: readonly NamedMatch[];
}

/** The match that every request meets. */
export const anyRequest: RequestMatch = {
  uri: undefined,
  ignoreUriCase: false,
  scheme: undefined,
  method: undefined,
  authority: undefined,
  headers: [],
  withoutHeaders: [],
  claims: [],
  withoutClaims: [],
  queryParams: [],
};

/** Does every request match? Routes behind such a one are never reached. */
export function matchesAll(match: RequestMatch): boolean {
  const { uri } = match;
  const anyPath = uri === undefined || (uri.kind === 'prefix' && uri.value === '/') || isAnyText(uri);
  return (
    anyPath &&
    match.scheme === undefined &&
    match.method === undefined &&
    match.authority === undefined &&
    [match.headers, match.withoutHeaders, match.claims, match.withoutClaims, match.queryParams].every(
      ({ length }) => length === 0,
    )
  );
}

const isAnyText = (match: ValueMatch): boolean => match.kind === 'regex' && match.value === '.*';
