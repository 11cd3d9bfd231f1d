import type { Finding } from '../model/finding.ts';
import { selects, selectsAll } from '../model/selector.ts';
import type { Workload } from '../model/workload.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { effectiveGateway } from './policy/gateway.ts';
import type { WorkloadFacts } from './policy/inbound.ts';

/** What was found, and of what: pods come and go all the time, those at the edge hardly ever. */
interface Found {
  readonly readFrom: readonly unknown[];
  readonly routers: string;
  readonly findings: readonly Finding[];
}

const known = new WeakMap<Snapshot['gateways'], Found>();

/**
 * What of the Gateways can't hold on the workloads that they choose by label, whichever control plane those are connected to: the one that
 * writes the status need not be the one that serves them. A Gateway without labels chooses whatever connects as a gateway, so of it only
 * those who are connected tell.
 */
export function edgeFindings(snapshot: Snapshot): readonly Finding[] {
  const { gateways, secrets, services, mesh } = snapshot;
  const routers = routersOf(snapshot);
  const found = known.get(gateways);
  const [text, readFrom] = [JSON.stringify(routers), [secrets, services, mesh]];
  if (found?.routers === text && found.readFrom.every((each, index) => each === readFrom[index])) return found.findings;
  const findings = once(routers.flatMap((router) => effectiveGateway(snapshot, router).findings));
  known.set(gateways, { readFrom, routers: text, findings });
  return findings;
}

/** What some Gateway chooses by its labels, those alike once. */
function routersOf(snapshot: Snapshot): readonly WorkloadFacts[] {
  const selectors = distinct([...all(snapshot.gateways)].map(({ selector }) => selector)).filter(
    (selector) => !selectsAll(selector),
  );
  if (selectors.length === 0) return [];
  const chosen = ({ labels }: Workload): boolean => selectors.some((selector) => selects(selector, labels));
  return distinct([...all(snapshot.pods), ...all(snapshot.workloadEntries)].filter(chosen).map(routerOf));
}

const routerOf = ({ meta, labels, namedPorts }: Workload): WorkloadFacts => ({
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
