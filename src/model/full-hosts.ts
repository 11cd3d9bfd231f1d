import { fullHost, type Host } from './host.ts';
import type { Destination, HttpAction, RouteOptions, WeightedDestination } from './http-route.ts';
import type { ConnectionRoute, HttpRoute, VirtualService } from './virtual-service.ts';

/** The same with full names in the place of short ones, which are those of services in the object's own namespace (behaviour.md 5.7). */
export function withFullHosts(service: VirtualService, dnsDomain: string): VirtualService {
  const full = (host: Host): Host => fullHost(host, service.meta.namespace, dnsDomain);
  const to = (destination: Destination): Destination => ({ ...destination, host: full(destination.host) });
  const weighted = (all: readonly WeightedDestination[]): readonly WeightedDestination[] =>
    all.map((each) => ({ ...each, destination: to(each.destination) }));
  const connections = (all: readonly ConnectionRoute[]): readonly ConnectionRoute[] =>
    all.map((each) => ({ ...each, destinations: weighted(each.destinations) }));
  const action = <T extends HttpRoute['action']>(each: T | Extract<HttpAction, { kind: 'forward' }>) =>
    each.kind === 'forward' ? { ...each, destinations: weighted(each.destinations) } : each;
  const mirrors = (all: RouteOptions['mirrors']): RouteOptions['mirrors'] =>
    all?.map((each) => ({ ...each, destination: to(each.destination) }));
  return {
    ...service,
    hosts: [...new Set(service.hosts.map(full))],
    http: service.http.map((route) => ({ ...route, action: action(route.action), mirrors: mirrors(route.mirrors) })),
    tls: connections(service.tls),
    tcp: connections(service.tcp),
  };
}
