import type { Finding } from '../model/finding.ts';
import { type Selector, selects, selectsAll } from '../model/selector.ts';
import type { Workload } from '../model/workload.ts';
import { all, type Named, type Snapshot } from '../snapshot/snapshot.ts';
import { originationFindings } from './origination-findings.ts';
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
 * What of the Gateways can't hold, and of the rules by which they call, on the workloads that they choose by label. It doesn't matter which
 * control plane those are connected to: the one that writes the status need not be the one that serves them. A Gateway without labels
 * chooses whatever connects as a gateway, so of it only those who are connected tell.
 */
export function edgeFindings(snapshot: Snapshot): readonly Finding[] {
  const { gateways, secrets, services, serviceEntries, destinationRules, mesh } = snapshot;
  const routers = routersOf(snapshot);
  const found = known.get(gateways);
  const [text, readFrom] = [JSON.stringify(routers), [secrets, services, serviceEntries, destinationRules, mesh]];
  if (found?.routers === text && found.readFrom.every((each, index) => each === readFrom[index])) return found.findings;
  const findings = once(
    routers.flatMap((router) => [
      ...effectiveGateway(snapshot, router).findings,
      ...originationFindings(snapshot, router),
    ]),
  );
  known.set(gateways, { readFrom, routers: text, findings });
  return findings;
}

/** What some Gateway chooses by its labels, those alike once. */
function routersOf(snapshot: Snapshot): readonly WorkloadFacts[] {
  const selectors = distinct([...all(snapshot.gateways)].map(({ selector }) => selector)).filter(
    (selector) => !selectsAll(selector),
  );
  if (selectors.length === 0) return [];
  const named = [...snapshot.pods.values(), ...snapshot.workloadEntries.values()];
  return distinct(named.flatMap((workloads) => routersAmong(workloads, snapshot.gateways, selectors)));
}

interface Chosen {
  readonly gateways: Snapshot['gateways'];
  readonly routers: readonly WorkloadFacts[];
}

const chosenOf = new WeakMap<Named<Workload>, Chosen>();

/** Looked for once for each state of a namespace: every batch asks, and a pod that came is one of one namespace. */
function routersAmong(
  workloads: Named<Workload>,
  gateways: Snapshot['gateways'],
  selectors: readonly Selector[],
): readonly WorkloadFacts[] {
  const found = chosenOf.get(workloads);
  if (found?.gateways === gateways) return found.routers;
  const chosen = ({ labels }: Workload): boolean => selectors.some((selector) => selects(selector, labels));
  const routers = [...workloads.values()].filter(chosen).map(routerOf);
  chosenOf.set(workloads, { gateways, routers });
  return routers;
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
