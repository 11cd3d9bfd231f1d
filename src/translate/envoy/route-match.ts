import type { envoy } from '@envoyproxy/protos';
import type { RequestMatch, ValueMatch } from '../../model/http-match.ts';
import { claimInRoute, queryMatcher, withHeader, withoutHeader } from './value-matcher.ts';

type RouteMatch = envoy.config.route.v3.RouteMatch;

/** What a request must look like, as Envoy says it (behaviour.md 5.7, match fields). */
export function routeMatch(match: RequestMatch): RouteMatch {
  const headers = [
    ...part(':scheme', match.scheme),
    ...part(':method', match.method),
    ...part(':authority', match.authority),
    ...match.headers.map(withHeader),
    ...match.withoutHeaders.map(withoutHeader),
  ];
  const queryParameters = match.queryParams.map(queryMatcher);
  const dynamicMetadata = [
    ...match.claims.map((claim) => claimInRoute(claim, true)),
    ...match.withoutClaims.map((claim) => claimInRoute(claim, false)),
  ];
  return {
    ...path(match.uri),
    ...(match.ignoreUriCase ? { caseSensitive: { value: false } } : {}),
    ...(headers.length > 0 ? { headers } : {}),
    ...(queryParameters.length > 0 ? { queryParameters } : {}),
    ...(dynamicMetadata.length > 0 ? { dynamicMetadata } : {}),
  };
}

function part(name: string, match: ValueMatch | undefined) {
  return match === undefined ? [] : [withHeader({ name, match })];
}

function path(uri: ValueMatch | undefined): RouteMatch {
  if (uri === undefined) return { prefix: '/' };
  switch (uri.kind) {
    case 'exact':
      return { path: uri.value };
    case 'prefix':
      return { prefix: uri.value };
    case 'regex':
      return { safeRegex: { regex: uri.value } };
    case 'present':
      return { prefix: '/' };
  }
}
