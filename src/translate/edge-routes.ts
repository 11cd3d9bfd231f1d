import { type Host, hostWithin } from '../model/host.ts';
import { byAge } from '../model/object.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type BoundHost, EdgeMemo, type World } from './edge-memo.ts';
import { connectionTarget } from './envoy/connection-routes.ts';
import type { StreamRoute } from './envoy/gateway-listener.ts';
import type { HostRoutes } from './envoy/gateway-route.ts';
import { httpRoutes, type RouteTargets } from './envoy/http-routes.ts';
import type { EdgeRoutes, StreamKind } from './gateway-unit.ts';
import { connectionRoutes } from './policy/connection-routes.ts';
import type { GatewayRoutes, ServerRef } from './policy/gateway.ts';
import type { WorkloadFacts } from './policy/inbound.ts';
import { gatewayRoutes } from './policy/virtual-service.ts';
import { type BoundService, gatewayDomains, virtualServicesOf } from './policy/virtual-services.ts';

/** What VirtualServices say for the servers of a router (behaviour.md 5.4, 5.6, 5.7). What `memo` has of it isn't made again. */
export function edgeRoutes(
  snapshot: Snapshot,
  router: WorkloadFacts,
  targetsOf: (port: number) => RouteTargets,
  memo: EdgeMemo = new EdgeMemo(),
): EdgeRoutes {
  const services = virtualServicesOf(snapshot);
  const { namespace, labels } = router;
  const readFrom = [snapshot.services, snapshot.serviceEntries, snapshot.destinationRules, snapshot.mesh];
  const world = (port: number): World => ({ targets: targetsOf(port), readFrom });
  const bound = (servers: readonly ServerRef[]): ReadonlyMap<Host, readonly BoundService[]> =>
    gatewayDomains(services, namespace, servers);
  return {
    hosts: (of: GatewayRoutes): readonly HostRoutes[] => {
      const { servers } = of;
      const bind = (): readonly BoundHost[] => {
        const redirected = redirects(servers);
        return [...bound(servers)].map(([host, here]) => ({ host, here, httpsRedirect: redirected(host, here) }));
      };
      return memo.hosts(of, services, world(servers[0]?.port ?? 0), bind, (here, targets) =>
        httpRoutes(gatewayRoutes(here, { namespace, labels }), targets),
      );
    },
    streams: (server: ServerRef, kind: StreamKind): readonly StreamRoute[] => {
      const { port, gateway, hosts } = server;
      const here = new Map([...bound([server]).values()].flat().map((each) => [each.service, each]));
      const asker = { gateways: [gateway], namespace, labels, port };
      const taken = (from: string): readonly Host[] =>
        hosts.filter((each) => each.namespace === undefined || each.namespace === from).map(({ host }) => host);
      const mine = [...here.values()].sort((a, b) => byAge(a.service, b.service));
      return memo.streams(server, mine, world(port), (targets) =>
        connectionRoutes(kind === 'passthrough' ? 'tls' : 'tcp', mine, asker, taken)
          // Envoy looks at the destination before the server name, so such a chain would take the connections of other servers.
          .filter(({ destinationSubnet }) => destinationSubnet === undefined)
          .map(({ sniHost, sourceSubnet, destinations }) => ({
            serverNames: sniHost === undefined ? [] : [sniHost],
            sourceSubnet,
            ...connectionTarget(destinations, targets),
          })),
      );
    },
  };
}

/**
 * Which hosts are redirected to https. One server that redirects is enough: what is meant for https must not go over plaintext by
 * another's word.
 */
function redirects(servers: readonly ServerRef[]): (host: Host, here: readonly BoundService[]) => boolean {
  const redirecting = servers.filter(({ httpsRedirect }) => httpsRedirect);
  const own = new Set(redirecting.flatMap(({ hosts }) => hosts.map(({ host }) => host)));
  const wild = redirecting.filter(({ hosts }) => hosts.some(({ host }) => host.startsWith('*')));
  return (domain, here) =>
    own.has(domain) ||
    wild.some(
      ({ gateway, hosts }) =>
        here.some(({ gateways }) => gateways.includes(gateway)) && hosts.some(({ host }) => hostWithin(domain, host)),
    );
}
