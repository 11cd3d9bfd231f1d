import { type FindSecret, secretBehind } from './credential.ts';
import type { SecretSource } from './secret-source.ts';

/**
 * The secrets that a router's chains name, with a version of what stands behind each, so that another certificate is seen
 * though nothing here can be printed as a key. Secrets are those of one namespace.
 */
export interface Credentials {
  readonly namespace: string;
  readonly entries: readonly { readonly source: SecretSource; readonly version: string }[];
}

/** What a proxy has that is no gateway. */
export const noCredentials: Credentials = { namespace: '', entries: [] };

/** The secrets that these sources name, as they are now. */
export function credentialsOf(namespace: string, sources: readonly SecretSource[], find: FindSecret): Credentials {
  const entries = sources.map((source) => {
    const behind = secretBehind(source, find);
    return { source, version: behind === undefined || behind === 'files' ? '' : behind.fingerprint };
  });
  return { namespace, entries };
}
