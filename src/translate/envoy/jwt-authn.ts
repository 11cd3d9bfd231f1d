import type { envoy } from '@envoyproxy/protos';
import type { ProxyKind } from '../../model/proxy.ts';
import type { JwtProvider } from '../policy/jwt.ts';
import { jwtPayload } from './metadata-matcher.ts';
import { blackHoleCluster } from './names.ts';
import { seconds } from './sources.ts';

type JwtAuthentication = envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication;
type Provider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;
type Requirement = envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement;

/** Where the filter says, in its metadata, why a token was refused. */
export const jwtFailureKey = 'coxswain_jwt_failure';
/** Its words for a key that the issuer's key set lacks; the same in every Envoy that we support. */
export const unknownKeyMessage = "Jwks doesn't have key to match kid or alg from Jwt";

/** Claims that are lists of words by their definition (RFC 8693, section 4.2); others are named by the rule. */
const alwaysSplit = ['permission', 'scope'];

/**
 * The filter that verifies tokens. Whoever brings none passes, whoever brings a bad one doesn't (behaviour.md 1.2,
 * Translation). Without providers it's empty, and passes everything.
 *
 * A header that tells the application what a token says must never be a client's own. Envoy before 1.40 removes such headers
 * only for the providers that it gets to: not for those behind the one whose token is good, and for none in a CORS preflight
 * that is waved through. So they are removed before anything else, and preflights, which bring no token and pass without
 * one, take the usual way.
 *
 * On routers what a token says may choose the route, so a good one makes Envoy look for the route again (behaviour.md 5.7, match fields).
 */
export function jwtAuthentication(providers: readonly JwtProvider[], proxy: ProxyKind = 'sidecar'): JwtAuthentication {
  const [first] = providers;
  if (first === undefined) return {};
  const named = providers.map((provider, index) => [`origins-${index}`, providerOf(provider, proxy)] as const);
  const anyToken = requirement(named.map(([name]) => name));
  const written = new Set(providers.flatMap(writtenHeaders));
  const unreached = written.difference(new Set(writtenHeaders(first)));
  const clean = unreached.size > 0;
  return {
    providers: Object.fromEntries([...named, ...(clean ? [[cleaner, cleanerOf(unreached)] as const] : [])]),
    rules: [
      { match: { prefix: '/' }, requires: clean ? { requiresAll: { requirements: [cleaned, anyToken] } } : anyToken },
    ],
    ...(written.size === 0 && { bypassCorsPreflight: true }),
  };
}

/** Headers by which a provider tells what a token says; of names case doesn't count. */
function writtenHeaders({ outputPayloadToHeader, outputClaimToHeaders }: JwtProvider): readonly string[] {
  const names = [outputPayloadToHeader, ...outputClaimToHeaders.map(({ header }) => header)];
  return names.filter((name) => name !== '').map((name) => name.toLowerCase());
}

/** A provider that never sees a token: it only removes what others may write. */
const cleaner = 'headers';
const cleaned: Requirement = {
  requiresAny: { requirements: [{ providerName: cleaner }, { allowMissingOrFailed: {} }] },
};

/** No request has a header that begins like a pseudo-header and is none; and if one had, it would pass nobody. */
function cleanerOf(headers: ReadonlySet<string>): Provider {
  return {
    ...noKeys,
    fromHeaders: [{ name: ':none' }],
    claimToHeaders: [...headers].map((headerName) => ({ headerName, claimName: 'none' })),
  };
}

/** A token of any of them; and where no token is there for one of them, that one doesn't mind. */
function requirement(names: readonly string[]): Requirement {
  const orMissing = (name: string): Requirement => ({
    requiresAny: { requirements: [{ providerName: name }, { allowMissing: {} }] },
  });
  const [only = '', ...rest] = names;
  if (rest.length === 0) return orMissing(only);
  return {
    requiresAny: {
      requirements: [
        ...names.map((providerName) => ({ providerName })),
        { requiresAll: { requirements: names.map(orMissing) } },
      ],
    },
  };
}

function providerOf(provider: JwtProvider, proxy: ProxyKind): Provider {
  const { issuer, audiences, jwks, fromHeaders, fromParams, fromCookies } = provider;
  return {
    ...(issuer === '' ? {} : { issuer }),
    audiences,
    ...(jwks === undefined ? noKeys : { localJwks: { inlineString: jwks } }),
    fromHeaders: fromHeaders.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams,
    fromCookies,
    forward: provider.forwardOriginalToken,
    forwardPayloadHeader: provider.outputPayloadToHeader,
    claimToHeaders: provider.outputClaimToHeaders.map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    payloadInMetadata: jwtPayload,
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...alwaysSplit, ...provider.spaceDelimitedClaims])].sort(),
    },
    failedStatusInMetadata: jwtFailureKey,
    ...(proxy === 'router' ? { clearRouteCache: true } : {}),
  };
}

/**
 * Envoy refuses a filter with an empty key set as a whole. Keys to be fetched from nowhere it takes, and refuses each token of
 * that issuer (401) while others pass: as closed as a made-up key, without one.
 */
const noKeys: Pick<Provider, 'remoteJwks'> = {
  remoteJwks: { httpUri: { uri: 'http://no-keys.invalid/', cluster: blackHoleCluster, timeout: seconds(1) } },
};
