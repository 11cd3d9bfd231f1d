import { createPublicKey, hkdfSync, randomBytes, type X509Certificate } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { Redacted } from '../lib/redacted.ts';
import type { TrustDomain } from '../model/ids.ts';
import type { AuthorityMaterial } from './authority-material.ts';
import { readCertificate } from './certificate-fields.ts';
import { keyIdOf, type Signer, signLeaf } from './sign.ts';
import { type LeafRequest, leafTemplate } from './template.ts';
import { verifyLeaf } from './verify.ts';

/** A leaf that was signed and read again. */
export interface Certificate {
  /** The leaf and what lies between it and the root, PEM. The root is left out: peers have it (RFC 8446 section 4.4.2). */
  readonly chain: string;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lower-case hex. */
  readonly serial: string;
}

/** Signs for one trust domain. Its key stays inside; nothing that can be printed refers to it. */
export interface Authority {
  readonly trustDomain: TrustDomain;
  /** PEM, one each. What peers must trust. */
  readonly roots: readonly string[];
  /** SHA-256 of the signing certificate, lower-case hex. */
  readonly fingerprint: string;
  /** When the signing certificate ends, ms since the epoch. No leaf lives longer. */
  readonly notAfter: number;
  /** The signing certificate and the roots: what may have signed a workload's certificate. */
  readonly issuers: readonly X509Certificate[];
  /** Signs a leaf, and checks it. `serial` is for who had to name it before; others leave it out. */
  issue(request: LeafRequest, serial?: Uint8Array): Certificate;
  /** A secret of its own for one purpose, the same as long as the signing key is: survives restarts, is shared by replicas. */
  derive(purpose: string): Redacted<Uint8Array>;
}

const serialBytes = 16;

/** A serial number: 127 random bits, positive (RFC 5280 section 4.1.2.2). */
export function newSerial(): Uint8Array {
  const serial = randomBytes(serialBytes);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** An authority over material that was checked. */
export function createAuthority(
  material: AuthorityMaterial,
  options: { readonly trustDomain: TrustDomain; readonly clock: Clock },
): Authority {
  const { issuer, intermediates, roots } = material;
  const fields = readCertificate(issuer.raw);
  const issuerKey = createPublicKey(material.key);
  const signer: Signer = {
    key: material.key,
    subject: fields.subject,
    keyId: fields.keyId ?? keyIdOf(issuerKey.export({ type: 'spki', format: 'der' })),
  };
  const notAfter = issuer.validToDate.getTime();
  const tail = intermediates.map(pem).join('');
  return {
    trustDomain: options.trustDomain,
    roots: roots.map(pem),
    fingerprint: issuer.fingerprint256.replaceAll(':', '').toLowerCase(),
    notAfter,
    issuers: [issuer, ...roots.filter((root) => root.fingerprint256 !== issuer.fingerprint256)],
    issue(request, serial = newSerial()) {
      const { names } = request;
      if (names.kind === 'workload' && names.identity.trustDomain !== options.trustDomain) {
        throw new MeshError(
          'bad-argument',
          `this authority signs for ${options.trustDomain}, not for ${names.identity.trustDomain}`,
        );
      }
      const template = leafTemplate(request, { notAfter }, options.clock.now(), serial);
      const der = signLeaf(template, signer);
      verifyLeaf(der, template, issuerKey);
      return {
        chain: pemOf(der) + tail,
        notBefore: template.notBefore,
        notAfter: template.notAfter,
        serial: Buffer.from(serial).toString('hex'),
      };
    },
    derive(purpose) {
      const secret = material.key.export({ type: 'pkcs8', format: 'der' });
      return new Redacted(new Uint8Array(hkdfSync('sha256', secret, '', `coxswain ${purpose}`, 32)));
    },
  };
}

const pem = (certificate: X509Certificate): string => pemOf(certificate.raw);

/** PEM with lines of 64 characters (RFC 7468). */
export function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
