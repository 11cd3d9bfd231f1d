import { all, type Snapshot } from '../snapshot/snapshot.ts';

/** The public key sets by which tokens are verified now: those in policies, and those that were fetched. */
export function keySetsOf({ requestAuthentications, keySets }: Snapshot): readonly string[] {
  const inline = [...all(requestAuthentications)].flatMap(({ rules }) =>
    rules.flatMap(({ keys }) => (keys.kind === 'inline' ? [keys.jwks] : [])),
  );
  return [...new Set([...inline, ...[...keySets.values()].map(({ jwks }) => jwks)])];
}
