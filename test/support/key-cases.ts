import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';

/** Keys in the form of JWKS, right and wrong ones, by what they are. Made anew for each test run. */
export interface KeyCases {
  /** What a token may be verified with. */
  readonly good: Readonly<Record<string, JWK>>;
  /** What Envoy refuses, or nobody should use; with our words. */
  readonly bad: Readonly<Record<string, readonly [key: unknown, words: string]>>;
}

const text = (bytes: Buffer): string => bytes.toString('base64url');

/** The public half of a new key for an algorithm. */
export async function newKey(algorithm: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return await exportJWK(publicKey);
}

function shortRsa(bits: number): JWK {
  return generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
}

/** Makes all cases. */
export async function keyCases(): Promise<KeyCases> {
  const [rsa, p256, p384, p521, ed] = await Promise.all(
    ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'].map((algorithm) => newKey(algorithm)),
  );
  if (!rsa || !p256 || !p384 || !p521 || !ed) throw new Error('no keys');
  const n = Buffer.from(rsa.n ?? '', 'base64url');
  const x = Buffer.from(p256.x ?? '', 'base64url');
  const k1: JWK = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });
  const zero = Buffer.alloc(1);
  const noFit = 'has an "alg" that does not fit its type';
  const noPoint = 'is no point on its curve, or no number that a key can have';
  return {
    good: {
      RSA: rsa,
      'RSA of 1,024 bits': shortRsa(1_024),
      'RSA of 16,384 bits': { ...rsa, n: text(Buffer.alloc(2_048, 0xff)) },
      'RSA with exponent 3': { ...rsa, e: 'Aw' },
      'RSA with a leading zero': { ...rsa, n: text(Buffer.concat([zero, n])) },
      'RSA with padding': { ...rsa, n: `${rsa.n}==` },
      'RSA for RS512': { ...rsa, alg: 'RS512' },
      'RSA for PS256': { ...rsa, alg: 'PS256' },
      'RSA with an empty alg': { ...rsa, alg: '' },
      'RSA with an odd id': { ...rsa, kid: 'a\u0000"\\\n' },
      'P-256': { ...p256, kid: '1' },
      'P-256 with a leading zero': { ...p256, x: text(Buffer.concat([zero, x])) },
      'P-256 for ES256': { ...p256, alg: 'ES256' },
      'P-384': p384,
      'P-521 for ES512': { ...p521, alg: 'ES512' },
      Ed25519: ed,
      'Ed25519 for EdDSA': { ...ed, alg: 'EdDSA' },
    },
    bad: {
      'no object': ['x', 'is no object'],
      'no type': [{ ...rsa, kty: undefined }, 'has an unknown type'],
      'a type of Object': [{ ...rsa, kty: 'constructor' }, 'has an unknown type'],
      'a symmetric key': [{ kty: 'oct', k: 'c2VjcmV0' }, 'is symmetric: everybody who can read it could sign with it'],
      'RSA of 512 bits': [shortRsa(512), 'is too short: 512 bits'],
      'RSA of 16,392 bits': [{ ...rsa, n: text(Buffer.alloc(2_049, 0xff)) }, 'is too long: 16392 bits'],
      'RSA with an even modulus': [
        { ...rsa, n: text(Buffer.concat([n.subarray(0, -1), zero])) },
        'has an "n" that no key can have',
      ],
      'RSA with exponent 1': [{ ...rsa, e: 'AQ' }, 'has an "e" that Envoy does not take'],
      'RSA with exponent 17': [{ ...rsa, e: 'EQ' }, 'has an "e" that Envoy does not take'],
      'RSA with exponent 0': [{ ...rsa, e: 'AA' }, 'has no "e" that can be read'],
      'RSA in the other base64': [{ ...rsa, n: `+${rsa.n}` }, 'has no "n" that can be read'],
      'RSA cut off': [{ ...rsa, n: rsa.n?.slice(0, 341) }, 'has no "n" that can be read'],
      'RSA of nothing': [{ ...rsa, n: '' }, 'has no "n" that can be read'],
      'RSA for ES256': [{ ...rsa, alg: 'ES256' }, noFit],
      'RSA for encryption by alg': [{ ...rsa, alg: 'RSA-OAEP' }, noFit],
      'RSA for encryption by use': [{ ...rsa, use: 'enc' }, 'is for encryption'],
      'half a character as an id': [{ ...rsa, kid: '\ud800' }, 'has a "kid" that can\'t be read'],
      'an endless id': [{ ...rsa, kid: 'k'.repeat(1_025) }, 'has a "kid" that can\'t be read'],
      'P-256 for ES384': [{ ...p256, alg: 'ES384' }, noFit],
      'P-256 beside its curve': [{ ...p256, x: p256.y, y: p256.x }, noPoint],
      'P-256 of zeros': [{ ...p256, x: 'AA', y: 'AA' }, 'has no "x" that can be read'],
      'P-256 too long': [{ ...p256, x: text(Buffer.concat([Buffer.from([1]), x])) }, 'has no "x" that can be read'],
      secp256k1: [k1, 'has a "crv" that is not used for tokens'],
      'secp256k1 as P-256': [{ ...k1, crv: 'P-256' }, noPoint],
      'a curve of Object': [{ ...p256, crv: 'toString' }, 'has a "crv" that is not used for tokens'],
      'Ed25519 too short': [{ ...ed, x: ed.x?.slice(0, 40) }, 'has no "x" that can be read'],
      'Ed25519 for Ed25519': [{ ...ed, alg: 'Ed25519' }, noFit],
      X25519: [{ ...ed, crv: 'X25519' }, 'has a "crv" that is not used for tokens'],
    },
  };
}
