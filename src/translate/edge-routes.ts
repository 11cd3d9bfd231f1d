import { type Host, hostWithin } from '../model/host.ts';
import { byAge } from '../model/object.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { StreamRoute } from './envoy/gateway-listener.ts';
import type { HostRoutes } from './envoy/gateway-route.ts';
import { httpRoutes, type RouteTargets } from './envoy/http-routes.ts';
import type { EdgeRoutes, StreamKind } from './gateway-unit.ts';
import { connectionRoutes } from './policy/connection-routes.ts';
import type { GatewayRoutes, ServerRef } from './policy/gateway.ts';
import type { WorkloadFacts } from './policy/inbound.ts';
import { gatewayRoutes } from './policy/virtual-service.ts';
import { type BoundService, gatewayDomains, virtualServicesOf } from './policy/virtual-services.ts';

/** What VirtualServices say for the servers of a router (behaviour.md 5.4, 5.6, 5.7). */
export function edgeRoutes(
  snapshot: Snapshot,
  router: WorkloadFacts,
  targetsOf: (port: number) => RouteTargets,
): EdgeRoutes {
  const services = virtualServicesOf(snapshot);
  const { namespace, labels } = router;
  const bound = (servers: readonly ServerRef[]): ReadonlyMap<Host, readonly BoundService[]> =>
    gatewayDomains(services, namespace, servers);
  return {
    hosts: ({ servers }: GatewayRoutes): readonly HostRoutes[] => {
      const targets = targetsOf(servers[0]?.port ?? 0);
      return [...bound(servers)].map(([host, here]) => ({
        host,
        routes: httpRoutes(gatewayRoutes(here, { namespace, labels }), targets),
        httpsRedirect: redirects(servers, host, here),
      }));
    },
    streams: (server: ServerRef, kind: StreamKind): readonly StreamRoute[] => {
      const { port, gateway, hosts } = server;
      const targets = targetsOf(port);
      const here = new Map([...bound([server]).values()].flat().map((each) => [each.service, each]));
      const asker = { gateways: [gateway], namespace, labels, port };
      const taken = (from: string): readonly Host[] =>
        hosts.filter((each) => each.namespace === undefined || each.namespace === from).map(({ host }) => host);
      const mine = [...here.values()].sort((a, b) => byAge(a.service, b.service));
      return (
        connectionRoutes(kind === 'passthrough' ? 'tls' : 'tcp', mine, asker, taken)
          // Envoy looks at the destination before the server name, so such a chain would take the connections of other servers.
          .filter(({ destinationSubnet }) => destinationSubnet === undefined)
          .map(({ sniHost, sourceSubnet, destinations }) => ({
            serverNames: sniHost === undefined ? [] : [sniHost],
            sourceSubnet,
            clusters: destinations.map(({ destination, weight }) => ({ name: targets.clusterOf(destination), weight })),
          }))
      );
    },
  };
}

/** One server that redirects is enough: what is meant for https must not go over plaintext by another's word. */
function redirects(servers: readonly ServerRef[], domain: Host, here: readonly BoundService[]): boolean {
  const gateways = new Set(here.flatMap((service) => service.gateways));
  return servers.some(
    ({ httpsRedirect, gateway, hosts }) =>
      httpsRedirect && hosts.some(({ host }) => host === domain || (gateways.has(gateway) && hostWithin(domain, host))),
  );
}
