import { keySetId } from '../model/key-set.ts';
import { holdsFor } from '../model/policy-scope.ts';
import { inNamespace, type Snapshot } from '../snapshot/snapshot.ts';
import type { UnknownKey } from '../telemetry/collector.ts';

/** The key sets that a workload's tokens are verified with, and that somebody fetches: which of them lacks a key isn't told. */
export function keySetIdsOf(snapshot: Snapshot, workload: UnknownKey): readonly string[] {
  const { rootNamespace } = snapshot.mesh;
  const ids = [...new Set([rootNamespace, workload.namespace])]
    .flatMap((namespace) => [...inNamespace(snapshot.requestAuthentications, namespace)])
    .filter((policy) => holdsFor(policy, workload, rootNamespace))
    .flatMap(({ rules }) => rules.flatMap(({ keys }) => keySetId(keys) ?? []));
  return [...new Set(ids)].sort();
}
