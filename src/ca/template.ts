import { isIP } from 'node:net';
import { MeshError } from '../lib/errors.ts';
import { parseSpiffeId, spiffeId, type WorkloadIdentity } from '../model/ids.ts';

/** Whom a leaf names: one workload by its SPIFFE ID, or a server of ours by its addresses. Never both. */
export type LeafNames =
  | { readonly kind: 'workload'; readonly identity: WorkloadIdentity }
  | { readonly kind: 'server'; readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[] };

export interface LeafRequest {
  readonly names: LeafNames;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** 0 or less: {@link defaultTtlMs}. */
  readonly ttlMs: number;
}

/** All that a leaf holds, before anything is signed. Times are ms since the epoch, whole seconds. */
export interface LeafTemplate {
  readonly names: LeafNames;
  readonly publicKey: Uint8Array;
  readonly serial: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
}

const second = 1000;
const hour = 3_600_000;

/** Life of a certificate where nobody says otherwise (behaviour.md section 6.4). */
export const defaultTtlMs = 24 * hour;
/** Longest life that may be asked for; more is an error, not a shorter certificate (behaviour.md section 6.2). */
export const maxTtlMs = 90 * 24 * hour;
/** How far before the present a certificate begins, for peers whose clock is behind (behaviour.md section 6.2). */
export const backdateMs = 2 * 60 * second;

/**
 * Decides what a leaf holds. It never outlives its issuer: past that moment it would verify nowhere, and renewal counts
 * from the end that is written in it.
 */
export function leafTemplate(
  request: LeafRequest,
  issuer: { readonly notAfter: number },
  now: number,
  serial: Uint8Array,
): LeafTemplate {
  checkNames(request.names);
  checkTtl(request.ttlMs);
  return {
    names: request.names,
    publicKey: request.publicKey,
    serial,
    notBefore: wholeSeconds(now - backdateMs),
    notAfter: leafEnd(now, request.ttlMs, issuer.notAfter),
  };
}

/** Refuses a life that no certificate of ours may have. */
export function checkTtl(ttlMs: number): void {
  if (!(ttlMs <= maxTtlMs)) {
    throw new MeshError(
      'bad-argument',
      `a certificate may live for ${maxTtlMs / hour} hours at most, not ${ttlMs / hour}`,
    );
  }
}

/** When a leaf ends that is asked for now: after its life, or with its issuer. */
export function leafEnd(now: number, ttlMs: number, issuerNotAfter: number): number {
  if (issuerNotAfter <= now) {
    throw new MeshError('unavailable', `the signing certificate expired at ${new Date(issuerNotAfter).toISOString()}`, {
      hint: 'plug in a current signing certificate, or remove the ca directory for a new root',
    });
  }
  return wholeSeconds(Math.min(now + (ttlMs <= 0 ? defaultTtlMs : ttlMs), issuerNotAfter));
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / second) * second;
}

function checkNames(names: LeafNames): void {
  if (names.kind === 'workload') {
    const parsed = parseSpiffeId(spiffeId(names.identity));
    if (!parsed.ok) throw new MeshError('bad-argument', parsed.error);
    return;
  }
  if (names.dnsNames.length + names.ipAddresses.length === 0) {
    throw new MeshError('bad-argument', 'a server certificate needs at least one DNS name or address');
  }
  const wrongDns = names.dnsNames.find((name) => !/^[a-z0-9*]([a-z0-9.-]*[a-z0-9])?$/i.test(name));
  if (wrongDns !== undefined) throw new MeshError('bad-argument', `not a DNS name: ${JSON.stringify(wrongDns)}`);
  const wrongIp = names.ipAddresses.find((address) => isIP(address) === 0 || address.includes('%'));
  if (wrongIp !== undefined) throw new MeshError('bad-argument', `not an IP address: ${JSON.stringify(wrongIp)}`);
}
