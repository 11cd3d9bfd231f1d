import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { Redacted } from '../lib/redacted.ts';
import type { TrustDomain } from '../model/ids.ts';
import type { Authenticator, Credentials, Peer } from '../xds/provider.ts';
import type { Authority } from './authority.ts';
import type { JoinKeys } from './join-keys.ts';
import { verifyJoinToken } from './join-token.ts';
import { verifySvid } from './svid.ts';

export interface AuthenticatorOptions {
  readonly authority: Authority;
  readonly joinKeys: JoinKeys;
  readonly clock: Clock;
  readonly trustDomainAliases: readonly TrustDomain[];
  /** Whether plaintext was asked for (`--xds-insecure`). */
  readonly allowPlaintext: boolean;
}

/** Longest `authorization` header that is looked into; a join token has some 600 characters, a Kubernetes one some 1,200. */
const maxHeaderLength = 8192;

/**
 * Decides who opened a stream, from proofs alone (behaviour.md section 6.3): a verified client certificate first, then
 * a bearer token; the first that holds counts. Over plaintext nothing is a proof, as everybody on the way could copy it.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { authority, clock, joinKeys: keys, trustDomainAliases } = options;
  return {
    async authenticate(credentials): Promise<Peer> {
      if (credentials.plaintext) return plaintextPeer(options.allowPlaintext);
      const svid = credentials.certificate === undefined ? undefined : attempt(credentials.certificate, options);
      if (svid !== undefined && !(svid instanceof MeshError)) return svid;
      if (credentials.authorization === '') throw svid ?? noCredentials();
      const token = bearerToken(credentials);
      return verifyJoinToken(token, { keys, clock, trustDomain: authority.trustDomain, trustDomainAliases });
    },
  };
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

function noCredentials(): MeshError {
  return new MeshError('unauthenticated', 'no client certificate that this mesh signed, and no bearer token', {
    hint: 'start Envoy with a bootstrap from coxswain bootstrap, which sends a token',
  });
}

function bearerToken({ authorization }: Credentials): Redacted<string> {
  if (authorization.length > maxHeaderLength) {
    throw new MeshError('unauthenticated', `the authorization header has more than ${maxHeaderLength} characters`);
  }
  const match = /^bearer +(\S+)$/i.exec(authorization);
  if (match?.[1] === undefined) {
    throw new MeshError('unauthenticated', 'the authorization header is not of the form "Bearer <token>"');
  }
  return new Redacted(match[1]);
}
