import type { envoy } from '@envoyproxy/protos';
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
 */
export function jwtAuthentication(providers: readonly JwtProvider[]): JwtAuthentication {
  if (providers.length === 0) return {};
  const named = providers.map((provider, index) => [`origins-${index}`, providerOf(provider)] as const);
  return {
    providers: Object.fromEntries(named),
    rules: [{ match: { prefix: '/' }, requires: requirement(named.map(([name]) => name)) }],
    bypassCorsPreflight: true,
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

function providerOf(provider: JwtProvider): Provider {
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
  };
}

/**
 * Envoy refuses a filter with an empty key set as a whole. Keys to be fetched from nowhere it takes, and refuses each token of
 * that issuer (401) while others pass: as closed as a made-up key, without one.
 */
const noKeys: Pick<Provider, 'remoteJwks'> = {
  remoteJwks: { httpUri: { uri: 'http://no-keys.invalid/', cluster: blackHoleCluster, timeout: seconds(1) } },
};
