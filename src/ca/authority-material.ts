import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { MeshError } from '../lib/errors.ts';
import { signatureAlgorithm } from './sign.ts';

/** The four files of an authority, as text: what a self-signed one keeps and a plugged-in one brings (product.md, Identity). */
export interface AuthorityFiles {
  readonly 'ca-cert.pem': string;
  readonly 'ca-key.pem': string;
  readonly 'root-cert.pem': string;
  readonly 'cert-chain.pem': string;
}

export const authorityFileNames = [
  'ca-cert.pem',
  'ca-key.pem',
  'cert-chain.pem',
  'root-cert.pem',
] as const satisfies readonly (keyof AuthorityFiles)[];

/** An authority that was read and found sound. The key's own type can't be printed: KeyObject shows no bytes. */
export interface AuthorityMaterial {
  readonly key: KeyObject;
  readonly issuer: X509Certificate;
  /** From the issuer up, without any root: what a leaf needs beside it to be verified. */
  readonly intermediates: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
}

/**
 * Reads the files of an authority and checks all that can be checked before the first leaf: a wrong set would else be
 * found by workloads that can't talk to each other. `place` is for messages.
 */
export function parseAuthority(files: AuthorityFiles, place: string, now: number): AuthorityMaterial {
  const key = parseKey(files['ca-key.pem'], place);
  const [issuer, ...more] = parseCertificates(files['ca-cert.pem'], `${place}/ca-cert.pem`);
  const roots = parseCertificates(files['root-cert.pem'], `${place}/root-cert.pem`);
  const chain = parseCertificates(files['cert-chain.pem'], `${place}/cert-chain.pem`);
  if (issuer === undefined) throw new MeshError('bad-argument', `${place}/ca-cert.pem holds no certificate`);
  if (roots.length === 0) throw new MeshError('bad-argument', `${place}/root-cert.pem holds no certificate`);
  if (!issuer.checkPrivateKey(key)) {
    throw new MeshError('bad-argument', `${place}/ca-key.pem is not the key of ${place}/ca-cert.pem`, {
      hint: 'put back the pair that belongs together; a new root is made only where the directory does not exist',
    });
  }
  const intermediates = distinct([issuer, ...more, ...chain]).filter((each) => !roots.some((root) => same(root, each)));
  for (const each of [issuer, ...intermediates, ...roots]) checkAuthority(each, place, now);
  checkChain(issuer, intermediates, roots, place);
  return { key, issuer, intermediates, roots };
}

function parseKey(pem: string, place: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: parsers quote their input.
    throw new MeshError('bad-argument', `${place}/ca-key.pem is not a private key in PEM`, {
      hint: 'it must be PKCS#8, SEC 1 or PKCS#1 without a passphrase',
    });
  }
  signatureAlgorithm(key);
  return key;
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parseCertificates(pem: string, path: string): readonly X509Certificate[] {
  const blocks = pem.match(pemBlock) ?? [];
  if (blocks.length === 0 && pem.trim() !== '')
    throw new MeshError('bad-argument', `${path} is not PEM with certificates`);
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (thrown) {
      throw new MeshError('bad-argument', `${path} holds a certificate that can't be read`, { cause: thrown });
    }
  });
}

function checkAuthority(certificate: X509Certificate, place: string, now: number): void {
  const who = `the certificate ${JSON.stringify(nameOf(certificate))} in ${place}`;
  if (!certificate.ca)
    throw new MeshError('bad-argument', `${who} may not sign others (no CA in its basic constraints)`);
  if (certificate.validToDate.getTime() <= now) {
    throw new MeshError('bad-argument', `${who} expired at ${certificate.validToDate.toISOString()}`);
  }
  if (certificate.validFromDate.getTime() > now) {
    throw new MeshError('bad-argument', `${who} is not valid before ${certificate.validFromDate.toISOString()}`, {
      hint: 'check the clock',
    });
  }
}

/** Every step must be signed by the next one, and the last by a root: else no peer could build the path. */
function checkChain(
  issuer: X509Certificate,
  intermediates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  place: string,
): void {
  if (intermediates.length === 0) return;
  if (intermediates[0] !== issuer)
    throw new MeshError('bad-argument', `${place}/ca-cert.pem is not the start of the chain`);
  intermediates.forEach((each, at) => {
    const next = intermediates[at + 1];
    const signers = next === undefined ? roots : [next];
    if (!signers.some((signer) => each.checkIssued(signer) && each.verify(signer.publicKey))) {
      const wanted = next === undefined ? `a root in ${place}/root-cert.pem` : JSON.stringify(nameOf(next));
      throw new MeshError(
        'bad-argument',
        `the certificate ${JSON.stringify(nameOf(each))} in ${place} is not signed by ${wanted}`,
        {
          hint: 'cert-chain.pem goes from the signing certificate up, one step each',
        },
      );
    }
  });
}

function distinct(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return certificates.filter((each, at) => certificates.findIndex((other) => same(other, each)) === at);
}

function same(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256;
}

function nameOf(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ');
}
