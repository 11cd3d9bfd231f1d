import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { edgeRoutes } from '../../src/translate/edge-routes.ts';
import type { EdgeRoutes } from '../../src/translate/gateway-unit.ts';
import type { WorkloadFacts } from '../../src/translate/policy/inbound.ts';
import { Registry } from '../../src/translate/registry.ts';
import { routeTargets } from '../../src/translate/route-targets.ts';

/** The routes of a router, as the compiler has them. */
export function edgeRoutesOf(snapshot: Snapshot, router: WorkloadFacts): EdgeRoutes {
  const registry = new Registry(snapshot);
  return edgeRoutes(snapshot, router, (port) => routeTargets(snapshot, registry, router, port));
}
