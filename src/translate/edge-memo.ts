import type { Snapshot } from '../snapshot/snapshot.ts';
import type { EdgeRoutes } from './gateway-unit.ts';
import type { View } from './view.ts';

interface Known {
  readonly basis: readonly unknown[];
  readonly edge: EdgeRoutes;
}

/**
 * Keeps what VirtualServices say for the servers of a router as long as nothing is another that they say it of, so that a renewed
 * certificate among a thousand costs no route.
 */
export class EdgeMemo {
  readonly #known = new WeakMap<View, Known>();

  /** The routes of a view: those that it had, or what `make` gives for this snapshot. */
  routes(view: View, snapshot: Snapshot, make: () => EdgeRoutes): EdgeRoutes {
    const { gateways, virtualServices, services, serviceEntries, destinationRules, mesh } = snapshot;
    const basis = [gateways, virtualServices, services, serviceEntries, destinationRules, mesh];
    const known = this.#known.get(view);
    if (known?.basis.every((each, index) => each === basis[index])) return known.edge;
    const edge = remembering(make());
    this.#known.set(view, { basis, edge });
    return edge;
  }
}

function remembering({ hosts, streams }: EdgeRoutes): EdgeRoutes {
  const [knownHosts, knownStreams] = [
    new Map<string, ReturnType<typeof hosts>>(),
    new Map<string, ReturnType<typeof streams>>(),
  ];
  return {
    hosts: (routes) => once(knownHosts, routes, () => hosts(routes)),
    streams: (server, kind) => once(knownStreams, { server, kind }, () => streams(server, kind)),
  };
}

function once<T>(known: Map<string, T>, key: unknown, make: () => T): T {
  const text = JSON.stringify(key);
  const found = known.get(text) ?? make();
  known.set(text, found);
  return found;
}
