import { randomUUID } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { Redacted } from '../lib/redacted.ts';
import { parseSpiffeId, spiffeId, trustDomain, type WorkloadIdentity } from '../model/ids.ts';
import type { Peer } from '../xds/provider.ts';
import type { JoinKeys } from './join-keys.ts';

/** Longest life of a join token: as long as that of a certificate. */
export const maxJoinTtlMs = 90 * 24 * 3_600_000;

const audience = 'coxswain';
/** The claim by which a join token is told from other tokens. */
export const joinTokenIssuer = 'coxswain';
const algorithm = 'ES256';
const clockSkewMs = 60_000;

export interface JoinTokenRequest {
  readonly identity: WorkloadIdentity;
  /** The pod (or workload entry) that may use it; undefined for any of the service account. */
  readonly pod: string | undefined;
  /** Above 0, up to {@link maxJoinTtlMs}. */
  readonly ttlMs: number;
}

/**
 * Writes a token that proves one workload's identity to us (RFC 7519, ES256): the stand-in, where there is no cluster,
 * for a Kubernetes service account token, whose subject it has.
 */
export async function issueJoinToken(
  keys: JoinKeys,
  request: JoinTokenRequest,
  clock: Clock,
): Promise<Redacted<string>> {
  const { identity, pod, ttlMs } = request;
  const parsed = parseSpiffeId(spiffeId(identity));
  if (!parsed.ok) throw new MeshError('bad-argument', parsed.error);
  if (!(ttlMs >= 1000 && ttlMs <= maxJoinTtlMs)) {
    throw new MeshError(
      'bad-argument',
      `a join token lives for 1 second to ${maxJoinTtlMs / 86_400_000} days, not ${ttlMs / 1000} seconds`,
    );
  }
  const now = Math.floor(clock.now() / 1000);
  const token = await new SignJWT({ trust_domain: identity.trustDomain, ...(pod === undefined ? {} : { pod }) })
    .setProtectedHeader({ alg: algorithm, kid: keys.id, typ: 'JWT' })
    .setIssuer(joinTokenIssuer)
    .setAudience(audience)
    .setSubject(`system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`)
    .setIssuedAt(now)
    .setExpirationTime(now + Math.floor(ttlMs / 1000))
    .setJti(randomUUID())
    .sign(keys.privateKey);
  return new Redacted(token);
}

export interface JoinTokenPolicy {
  readonly keys: JoinKeys;
  readonly clock: Clock;
  readonly trustDomain: string;
  /** Other names of the same trust domain; their tokens count as ours. */
  readonly trustDomainAliases: readonly string[];
}

/** Whom a join token proves; throws a MeshError `unauthenticated` whose message may go to the caller. */
export async function verifyJoinToken(
  token: Redacted<string>,
  policy: JoinTokenPolicy,
): Promise<Peer & { readonly kind: 'proven' }> {
  const claims = await verifiedClaims(token, policy);
  const domain = claims['trust_domain'];
  if (typeof domain !== 'string' || ![policy.trustDomain, ...policy.trustDomainAliases].includes(domain)) {
    throw refused(`it is for trust domain ${JSON.stringify(domain)}, not ${JSON.stringify(policy.trustDomain)}`);
  }
  const subject = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(claims.sub ?? '');
  const [, namespace = '', serviceAccount = ''] = subject ?? [];
  const identity: WorkloadIdentity = { trustDomain: trustDomain(policy.trustDomain), namespace, serviceAccount };
  if (!parseSpiffeId(spiffeId(identity)).ok) {
    throw refused('its subject is not system:serviceaccount:<namespace>:<service account>');
  }
  const pod = claims['pod'];
  if (pod !== undefined && (typeof pod !== 'string' || pod === '')) throw refused('its pod is not a name');
  if ((claims.iat ?? 0) * 1000 > policy.clock.now() + clockSkewMs) {
    throw refused('it was issued in the future', 'compare the clocks of the two machines');
  }
  return { kind: 'proven', identity, pod, expiresAt: (claims.exp ?? 0) * 1000, by: 'join-token' };
}

async function verifiedClaims(token: Redacted<string>, { keys, clock }: JoinTokenPolicy): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(
      token.reveal(),
      (header) => {
        if (header.kid !== keys.id)
          throw refused('it was signed with a key that this control plane does not have', freshToken);
        return keys.publicKey;
      },
      {
        algorithms: [algorithm],
        issuer: joinTokenIssuer,
        audience,
        typ: 'JWT',
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp', 'iat', 'sub', 'jti'],
      },
    );
    return payload;
  } catch (thrown) {
    throw explain(thrown);
  }
}

const freshToken = 'write a new one with coxswain bootstrap, with the state directory of this control plane';

/** The cause of a refusal in words of ours. Nothing of the token goes in but claims whose signature was right. */
function explain(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  if (thrown instanceof errors.JWTExpired) {
    const { exp } = thrown.payload;
    return refused(
      exp === undefined ? 'it expired' : `it expired at ${new Date(exp * 1000).toISOString()}`,
      freshToken,
    );
  }
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    const found = JSON.stringify(thrown.payload[thrown.claim]);
    if (thrown.reason === 'missing') return refused(`its claim ${thrown.claim} is missing`);
    if (thrown.claim === 'aud') return refused(`it is for audience ${found}, not "${audience}"`);
    if (thrown.claim === 'iss') return refused(`its issuer is ${found}, not "${joinTokenIssuer}"`);
    return refused(`its claim ${thrown.claim} is not acceptable`);
  }
  if (thrown instanceof errors.JOSEAlgNotAllowed) return refused(`it is not signed with ${algorithm}`);
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return refused('its signature is wrong');
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid)
    return refused('it is not a well-formed JWT');
  return refused('it can not be verified');
}

function refused(reason: string, hint?: string): MeshError {
  return new MeshError('unauthenticated', `join token refused: ${reason}`, hint === undefined ? {} : { hint });
}
