import { isRecord } from '../lib/is-record.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { type PublicKey, publicKey } from './jwk.ts';
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
  const usable: PublicKey[] = [];
  for (const [index, key] of keys.entries()) {
    const read = publicKey(key);
    if (!read.ok) leftOut.push(`keys[${index}] ${read.error}`);
    else {
      usable.push(read.value);
      if (isRecord(key) && 'd' in key) leftOut.push(`the private half of keys[${index}]`);
    }
  }
  if (usable.length === 0) return err(['has no usable key', ...leftOut].join('; '));
  return ok({ jwks: `{"keys":[${inOrder(usable).join()}]}`, leftOut });
}

/** By id, then by content; equal ones once. */
function inOrder(keys: readonly PublicKey[]): readonly string[] {
  const sorted = keys
    .map((key) => [key['kid'] ?? '', JSON.stringify(key)] as const)
    .sort(([a, x], [b, y]) => compareText(a, b) || compareText(x, y));
  return [...new Set(sorted.map(([, json]) => json))];
}
