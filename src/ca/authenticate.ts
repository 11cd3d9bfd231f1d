import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { Redacted } from '../lib/redacted.ts';
import type { TrustDomain } from '../model/ids.ts';
import type { Authenticator, Credentials, Peer } from '../xds/provider.ts';
import type { Authority } from './authority.ts';
import type { JoinKeys } from './join-keys.ts';
import { joinTokenIssuer, verifyJoinToken } from './join-token.ts';
import { verifySvid } from './svid.ts';

export interface AuthenticatorOptions {
  readonly authority: Authority;
  /** What join tokens are verified with; without it, none are accepted. */
  readonly joinKeys?: JoinKeys | undefined;
  /** Asks the cluster whom a service account token proves; without it, none are accepted, and certificates are. */
  readonly reviewToken?: ((token: Redacted<string>) => Promise<Peer>) | undefined;
  readonly clock: Clock;
  readonly trustDomainAliases: readonly TrustDomain[];
  /** Whether plaintext was asked for (`--xds-insecure`). */
  readonly allowPlaintext: boolean;
}

/** Longest `authorization` header that is looked into; a join token has some 600 characters, a Kubernetes one some 1,500. */
const maxHeaderLength = 8192;

/**
 * Decides who opened a stream, from proofs alone (behaviour.md section 6.3): a verified client certificate first, then
 * a token; the first that holds counts. Over plaintext nothing is a proof, as everybody on the way could copy it. Where a
 * cluster answers for its workloads a certificate is none either: it would get the next one, for ever, after the cluster
 * deleted the pod and its service account. Throws `unauthenticated`, or `unavailable` where a token can't be looked at now.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return {
    async authenticate(credentials): Promise<Peer> {
      if (credentials.plaintext) return plaintextPeer(options.allowPlaintext);
      const certificate = options.reviewToken === undefined ? credentials.certificate : undefined;
      const svid = certificate === undefined ? undefined : attempt(certificate, options);
      if (svid !== undefined && !(svid instanceof MeshError)) return svid;
      if (credentials.authorization === '') throw svid ?? noCredentials(options);
      return await tokenPeer(tokenOf(credentials), options);
    },
  };
}

/** A join token is known by its issuer, which nobody has verified yet: it decides who does that, and nothing else. */
async function tokenPeer(token: Redacted<string>, options: AuthenticatorOptions): Promise<Peer> {
  const { authority, clock, joinKeys: keys, reviewToken, trustDomainAliases } = options;
  if (keys !== undefined && (reviewToken === undefined || issuerOf(token) === joinTokenIssuer)) {
    return await verifyJoinToken(token, { keys, clock, trustDomain: authority.trustDomain, trustDomainAliases });
  }
  if (reviewToken !== undefined) return await reviewToken(token);
  throw new MeshError('unauthenticated', 'this control plane accepts no tokens', {
    hint: 'show a certificate of this mesh',
  });
}

function issuerOf(token: Redacted<string>): unknown {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.reveal().split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && 'iss' in claims ? claims.iss : undefined;
  } catch {
    // Parsers quote their input, so their error stays here.
    return undefined;
  }
}

function plaintextPeer(allowed: boolean): Peer {
  if (allowed) return { kind: 'insecure' };
  throw new MeshError('unauthenticated', 'this control plane does not serve plaintext', {
    hint: 'connect with TLS to port 15012',
  });
}

/** A certificate that proves nothing doesn't end the matter: a token may still do. */
function attempt(der: Uint8Array, options: AuthenticatorOptions): Peer | MeshError {
  try {
    return verifySvid(der, options);
  } catch (thrown) {
    return MeshError.from(thrown);
  }
}

function noCredentials({ reviewToken }: AuthenticatorOptions): MeshError {
  const missing =
    reviewToken === undefined
      ? 'no client certificate that this mesh signed, and no bearer token'
      : 'no service account token, and a certificate alone is no proof on Kubernetes';
  return new MeshError('unauthenticated', missing, {
    hint: 'start Envoy with a bootstrap of ours (coxswain bootstrap, or injection), which sends a token',
  });
}

/** `Bearer <token>`, or a JWT alone: stock Envoy sends the file that kubelet writes as it is (RFC 6750, RFC 7519). */
const bearer = /^bearer +(\S+)$/i;
const bareToken = /^([\w-]+\.[\w-]+\.[\w-]+)\s*$/;

function tokenOf({ authorization }: Credentials): Redacted<string> {
  if (authorization.length > maxHeaderLength) {
    throw new MeshError('unauthenticated', `the authorization header has more than ${maxHeaderLength} characters`);
  }
  const [, token] = bearer.exec(authorization) ?? bareToken.exec(authorization) ?? [];
  if (token !== undefined) return new Redacted(token);
  throw new MeshError('unauthenticated', 'the authorization header is neither "Bearer <token>" nor a token alone');
}
