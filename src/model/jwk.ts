import { createPublicKey } from 'node:crypto';
import { isRecord } from '../lib/is-record.ts';
import { err, ok, type Result } from '../lib/result.ts';

/** The public members of one key, in a fixed order. */
export type PublicKey = Readonly<Record<string, string>>;

/** Longer names of keys are nobody's, and each would be kept by every proxy. */
const maxKid = 1_024;
/** The RSA keys that Envoy's library reads: 512 to 16,384 bits. Below 1,024 anybody finds the private half. */
const [minRsaBits, maxRsaBits] = [1_024, 16_384];
/** 3 and 65537: Envoy 1.36 and 1.40 refuse all others, 17 too. */
const exponents = ['Aw', 'AQAB'];
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const curves: Readonly<Record<string, { readonly algorithm: string; readonly bytes: number }>> = {
  'P-256': { algorithm: 'ES256', bytes: 32 },
  'P-384': { algorithm: 'ES384', bytes: 48 },
  'P-521': { algorithm: 'ES512', bytes: 66 },
};

/**
 * Reads one JSON Web Key (RFC 7517, section 4) down to what verifies signatures, or says why it's of no use. Envoy refuses keys
 * that its library can't read, and with the last one of a set the whole filter; so whatever it may refuse is left out here.
 * The words are for whoever wrote the key, and repeat none of it.
 */
export function publicKey(key: unknown): Result<PublicKey, string> {
  if (!isRecord(key)) return err('is no object');
  const kid = key['kid'];
  // A lone surrogate is no text to Envoy, which would then refuse the whole set.
  if (typeof kid === 'string' && (kid.length > maxKid || /\p{Surrogate}/u.test(kid)))
    return err('has a "kid" that can\'t be read');
  if (key['use'] === 'enc') return err('is for encryption');
  const read = membersOf(key);
  if (!read.ok) return read;
  const { algorithms, members } = read.value;
  const alg = key['alg'];
  const named = typeof alg === 'string' && alg !== '';
  if (named && !algorithms.includes(alg)) return err('has an "alg" that does not fit its type');
  const { kty = '', ...rest } = members;
  const whole = { kty, ...(typeof kid === 'string' && kid !== '' ? { kid } : {}), ...(named ? { alg } : {}), ...rest };
  try {
    createPublicKey({ key: members, format: 'jwk' });
  } catch {
    return err('is no point on its curve, or no number that a key can have');
  }
  return ok(whole);
}

interface Members {
  /** What it may be used with. */
  readonly algorithms: readonly string[];
  /** RFC 7518 section 6, RFC 8037 section 2; never a private one. */
  readonly members: PublicKey;
}

function membersOf(key: Readonly<Record<string, unknown>>): Result<Members, string> {
  switch (key['kty']) {
    case 'RSA':
      return rsa(key);
    case 'EC':
      return elliptic(key);
    case 'OKP':
      return edwards(key);
    case 'oct':
      return err('is symmetric: everybody who can read it could sign with it');
    default:
      return err('has an unknown type');
  }
}

function rsa(key: Readonly<Record<string, unknown>>): Result<Members, string> {
  const [n, e] = [number(key['n']), number(key['e'])];
  if (n === undefined) return err('has no "n" that can be read');
  if (e === undefined) return err('has no "e" that can be read');
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (bits < minRsaBits) return err(`is too short: ${bits} bits`);
  if (bits > maxRsaBits) return err(`is too long: ${bits} bits`);
  if (!exponents.includes(text(e))) return err('has an "e" that Envoy does not take');
  if ((n.at(-1) ?? 0) % 2 === 0) return err('has an "n" that no key can have');
  return ok({ algorithms: rsaAlgorithms, members: { kty: 'RSA', n: text(n), e: text(e) } });
}

function elliptic(key: Readonly<Record<string, unknown>>): Result<Members, string> {
  const { crv } = key;
  const curve = typeof crv === 'string' && Object.hasOwn(curves, crv) ? curves[crv] : undefined;
  if (curve === undefined || typeof crv !== 'string') return err('has a "crv" that is not used for tokens');
  const [x, y] = [number(key['x']), number(key['y'])];
  if (x === undefined || x.length > curve.bytes) return err('has no "x" that can be read');
  if (y === undefined || y.length > curve.bytes) return err('has no "y" that can be read');
  const full = (bytes: Buffer): string => text(Buffer.concat([Buffer.alloc(curve.bytes - bytes.length), bytes]));
  return ok({ algorithms: [curve.algorithm], members: { kty: 'EC', crv, x: full(x), y: full(y) } });
}

function edwards(key: Readonly<Record<string, unknown>>): Result<Members, string> {
  if (key['crv'] !== 'Ed25519') return err('has a "crv" that is not used for tokens');
  const x = bytesOf(key['x']);
  if (x?.length !== 32) return err('has no "x" that can be read');
  return ok({ algorithms: ['EdDSA'], members: { kty: 'OKP', crv: 'Ed25519', x: text(x) } });
}

/** A positive number in base64url (RFC 7518, section 2), without leading zeros. */
function number(value: unknown): Buffer | undefined {
  const bytes = bytesOf(value);
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  return first === -1 ? undefined : bytes?.subarray(first);
}

/** Base64url, with or without padding; only as whoever encodes it would write it. */
function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const plain = value.replace(/={1,2}$/, '');
  const bytes = Buffer.from(plain, 'base64url');
  return plain !== '' && text(bytes) === plain ? bytes : undefined;
}

function text(bytes: Buffer): string {
  return bytes.toString('base64url');
}
