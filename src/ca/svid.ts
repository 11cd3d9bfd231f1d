import { X509Certificate } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { parseSpiffeId } from '../model/ids.ts';
import type { Peer } from '../xds/provider.ts';
import type { Authority } from './authority.ts';
import { readCertificate } from './certificate-fields.ts';
import { oids } from './oids.ts';

export interface SvidPolicy {
  readonly authority: Authority;
  readonly clock: Clock;
  /** Other names of our trust domain; their workloads count as ours. */
  readonly trustDomainAliases: readonly string[];
}

/**
 * Whom a client certificate proves (X509-SVID section 5); throws a MeshError `unauthenticated` whose message may go to
 * the caller. TLS verified it at the handshake; this does so again at each stream, because a connection can outlive its
 * certificate, and the roots that it was verified with.
 */
export function verifySvid(der: Uint8Array, policy: SvidPolicy): Peer & { readonly kind: 'proven' } {
  const certificate = parse(der);
  checkCertificate(certificate, policy);
  const uris = namesOf(der).flatMap((name) => (name.kind === 'uri' ? [name.value] : []));
  const [only] = uris;
  if (only === undefined || uris.length !== 1)
    throw refused(`it has ${uris.length} URI names; an SVID has exactly one`);
  const parsed = parseSpiffeId(only);
  if (!parsed.ok) throw refused('its URI name is not spiffe://<trust domain>/ns/<namespace>/sa/<service account>');
  const { authority, trustDomainAliases } = policy;
  if (![authority.trustDomain, ...trustDomainAliases].includes(parsed.value.trustDomain)) {
    throw refused(
      `it is of trust domain ${JSON.stringify(parsed.value.trustDomain)}, not ${JSON.stringify(authority.trustDomain)}`,
    );
  }
  return {
    kind: 'proven',
    identity: { ...parsed.value, trustDomain: authority.trustDomain },
    pod: undefined,
    expiresAt: certificate.validToDate.getTime(),
    by: 'svid',
  };
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw refused('it can not be read');
  }
}

/** The names from the bytes: node:crypto gives them as one quoted text, which a stranger could shape. */
function namesOf(der: Uint8Array): ReturnType<typeof readCertificate>['names'] {
  try {
    return readCertificate(der).names;
  } catch {
    throw refused('it can not be read');
  }
}

function checkCertificate(certificate: X509Certificate, { authority, clock }: SvidPolicy): void {
  const now = clock.now();
  if (certificate.ca) throw refused('it is an authority, not a workload');
  if (!authority.issuers.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) {
    throw refused('it is not signed by this mesh');
  }
  if (certificate.validToDate.getTime() <= now) throw refused(`it expired at ${certificate.validToDate.toISOString()}`);
  if (certificate.validFromDate.getTime() > now) {
    throw refused(
      `it is not valid before ${certificate.validFromDate.toISOString()}`,
      'compare the clocks of the two machines',
    );
  }
  if (!(certificate.keyUsage ?? []).includes(oids.clientAuth))
    throw refused('it is not for clients (extended key usage)');
}

function refused(reason: string, hint?: string): MeshError {
  return new MeshError('unauthenticated', `client certificate refused: ${reason}`, hint === undefined ? {} : { hint });
}
