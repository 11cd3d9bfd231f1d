import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** A CA of its own for one test, and what it signs. */
export interface TestCa {
  readonly certificate: string;
  /** A leaf with these URI names (and DNS names); PEM of certificate and key. */
  issue(names: readonly { readonly type: 'url' | 'dns'; readonly value: string }[], subject?: string): Promise<Leaf>;
  /** PEM of the list that revokes these. */
  revoke(...leaves: readonly Leaf[]): Promise<string>;
}

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function createTestCa(): Promise<TestCa> {
  const caKeys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'O=test',
    ...validity,
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 1;
  return {
    certificate: ca.toString('pem'),
    async issue(names, subject = '') {
      const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      serial++;
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: serial.toString(16).padStart(2, '0'),
        subject,
        issuer: ca.subject,
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map(({ type, value }) => ({ type, value })),
            subject === '',
          ),
        ],
      });
      const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
      const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
      return { certificate: leaf.toString('pem'), key };
    },
    async revoke(...leaves) {
      const list = await x509.X509CrlGenerator.create({
        issuer: ca.subject,
        thisUpdate: validity.notBefore,
        nextUpdate: validity.notAfter,
        entries: leaves.map(({ certificate }) => ({
          serialNumber: new x509.X509Certificate(certificate).serialNumber,
          revocationDate: validity.notBefore,
          // Without one the library writes an empty list of extensions, which Envoy 1.40 refuses and 1.36 takes.
          reason: x509.X509CrlReason.keyCompromise,
        })),
        signingAlgorithm: algorithm,
        signingKey: caKeys.privateKey,
      });
      return x509.PemConverter.encode(list.rawData, 'X509 CRL');
    },
  };
}
