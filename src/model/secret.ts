import type { Redacted } from '../lib/redacted.ts';
import type { ObjectMeta } from './object.ts';

/** The entries of a Secret that a credential can have (behaviour.md 5.5); all others are never kept. */
export const credentialEntries = ['cert', 'key', 'cacert', 'crl', 'tls.crt', 'tls.key', 'ca.crt', 'ca.crl'] as const;

/** Types of Secrets that hold credentials; tokens, passwords and releases of other types are never looked into. */
export const credentialTypes: readonly string[] = ['', 'Opaque', 'kubernetes.io/tls'];

export type CredentialEntry = (typeof credentialEntries)[number];

/** What a Secret holds of a credential. The bytes can't be printed, and equal Secrets are told by their fingerprint. */
export interface Secret {
  readonly kind: 'Secret';
  readonly meta: ObjectMeta;
  readonly entries: ReadonlyMap<CredentialEntry, Redacted<Uint8Array>>;
  /**
   * Hash of all entries: a change of bytes that can't be compared shows here. What is hashed holds a private key, so nobody
   * can guess it from the hash.
   */
  readonly fingerprint: string;
}

/**
 * May a proxy that proved to run in `identityNamespace` be sent what a Secret of `secretNamespace` holds? Only its own
 * namespace's: whoever may run pods there can mount the Secret anyway (behaviour.md 5.5).
 */
export function mayReadSecret(identityNamespace: string, secretNamespace: string): boolean {
  return identityNamespace === secretNamespace;
}
