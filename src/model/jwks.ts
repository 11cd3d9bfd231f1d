import { isRecord } from '../lib/is-record.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { compareText } from './object.ts';

/** Larger documents are no key sets of anybody's: a thousandth of that is usual. */
export const maxKeySetBytes = 256 * 1024;
const maxKeys = 256;

/** What a JWKS document comes to. */
export interface PublicKeys {
  /** Canonical JSON: public members only, in a fixed order, keys by id, so that equal keys are equal text. */
  readonly jwks: string;
  /** What was left out, in words. */
  readonly leftOut: readonly string[];
}

/** Members of a key that say what it is, by its type (RFC 7518 section 6, RFC 8037 section 2); never a private one. */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
};
const curves: Readonly<Record<string, readonly string[]>> = { EC: ['P-256', 'P-384', 'P-521'], OKP: ['Ed25519'] };

/**
 * Reads a JSON Web Key Set (RFC 7517) down to the public keys that Envoy can use. A private key loses its private half; a
 * symmetric one is left out, because whoever can read the policy could sign with it. An error where nothing is left: Envoy would
 * refuse the whole filter for an empty set.
 */
export function parseKeySet(text: string): Result<PublicKeys, string> {
  if (Buffer.byteLength(text) > maxKeySetBytes) return err(`is larger than ${maxKeySetBytes / 1024} KiB`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return err('is no JSON');
  }
  const keys = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(keys)) return err('has no list "keys"');
  if (keys.length > maxKeys) return err(`has ${keys.length} keys; at most ${maxKeys} are taken`);
  const leftOut: string[] = [];
  const usable: Readonly<Record<string, string>>[] = [];
  for (const [index, key] of keys.entries()) {
    const read = readKey(key);
    if (!read.ok) leftOut.push(`keys[${index}] ${read.error}`);
    else {
      usable.push(read.value);
      if (isRecord(key) && 'd' in key) leftOut.push(`the private half of keys[${index}]`);
    }
  }
  if (usable.length === 0) return err(['has no usable key', ...leftOut].join('; '));
  const sorted = usable
    .map((key) => [key['kid'] ?? '', JSON.stringify(key)] as const)
    .sort(([a, x], [b, y]) => compareText(a, b) || compareText(x, y));
  return ok({ jwks: `{"keys":[${sorted.map(([, json]) => json).join()}]}`, leftOut });
}

function readKey(key: unknown): Result<Readonly<Record<string, string>>, string> {
  if (!isRecord(key)) return err('is no object');
  const type = key['kty'];
  if (type === 'oct') return err('is symmetric: everybody who can read it could sign with it');
  if (typeof type !== 'string' || !Object.hasOwn(publicMembers, type)) return err('has an unknown type');
  const members: Record<string, string> = { kty: type };
  for (const name of ['kid', 'alg']) if (typeof key[name] === 'string') members[name] = key[name];
  for (const name of publicMembers[type] ?? []) {
    const value = key[name];
    if (typeof value !== 'string') return err(`has no "${name}"`);
    if (name === 'crv' ? curves[type]?.includes(value) !== true : !/^[A-Za-z0-9_-]+$/.test(value))
      return err(`has a "${name}" that can't be read`);
    members[name] = value;
  }
  return ok(members);
}
