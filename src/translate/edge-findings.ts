import type { Finding } from '../model/finding.ts';
import { selects, selectsAll } from '../model/selector.ts';
import type { Workload } from '../model/workload.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { effectiveGateway } from './policy/gateway.ts';

const known = new WeakMap<Snapshot, readonly Finding[]>();

/**
 * What of the Gateways can't hold on the workloads that they choose by label, whichever control plane those are connected to: the one that
 * writes the status need not be the one that serves them. A Gateway without labels chooses whatever connects as a gateway, so of it only
 * those who are connected tell.
 */
export function edgeFindings(snapshot: Snapshot): readonly Finding[] {
  const found = known.get(snapshot) ?? find(snapshot);
  known.set(snapshot, found);
  return found;
}

function find(snapshot: Snapshot): readonly Finding[] {
  const selectors = distinct([...all(snapshot.gateways)].map(({ selector }) => selector)).filter(
    (selector) => !selectsAll(selector),
  );
  if (selectors.length === 0) return [];
  const chosen = ({ labels }: Workload): boolean => selectors.some((selector) => selects(selector, labels));
  const routers = [...all(snapshot.pods), ...all(snapshot.workloadEntries)].filter(chosen).map(routerOf);
  return once(distinct(routers).flatMap((router) => effectiveGateway(snapshot, router).findings));
}

const routerOf = ({ meta, labels, namedPorts }: Workload) => ({
  namespace: meta.namespace,
  labels,
  namedPorts,
  pinnedBy: [],
});

/** Each finding once, however many routers have it. */
export const once: (findings: readonly Finding[]) => readonly Finding[] = distinct;

function distinct<T extends object>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
