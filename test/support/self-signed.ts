import { generateKeyPairSync } from 'node:crypto';
import { pemOf } from '../../src/ca/authority.ts';
import { signRoot } from '../../src/ca/sign.ts';

/** A certificate that signed itself, its own authority too; made at once, where a test can't wait for one. */
export function selfSigned(serial: number): { readonly certificate: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const template = {
    organization: 'o',
    commonName: `c${serial}`,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    serial: Uint8Array.of(serial),
    notBefore: Date.UTC(2020, 0),
    notAfter: Date.UTC(2049, 0),
  };
  return {
    certificate: pemOf(signRoot(template, privateKey)),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}
