import { keyPairOf, validityProblem } from '../model/credential.ts';
import type { Credentials } from '../model/credentials.ts';
import type { Finding } from '../model/finding.ts';
import { objectKey } from '../model/object.ts';
import type { Secret } from '../model/secret.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/** Certificates in use whose time is over, or hasn't come: clients refuse them, so somebody must hear of it. */
export function expiredCredentials(snapshot: Snapshot, inUse: readonly Credentials[], now: number): readonly Finding[] {
  const secrets = new Set<Secret>();
  for (const { namespace, entries } of inUse) {
    for (const { source } of entries) {
      const secret = source.kind === 'key-pair' ? snapshot.secrets.get(namespace)?.get(source.credential) : undefined;
      if (secret !== undefined) secrets.add(secret);
    }
  }
  return [...secrets].flatMap((secret): readonly Finding[] => {
    const pair = keyPairOf(secret);
    const problem = pair.ok ? validityProblem(pair.value, now) : undefined;
    if (problem === undefined) return [];
    const { origin } = secret.meta;
    return [{ severity: 'warning', object: objectKey(secret), origin, field: 'data', ...problem }];
  });
}
