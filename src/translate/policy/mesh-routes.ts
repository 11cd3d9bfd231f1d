import { pushTo } from '../../lib/push-to.ts';
import { bySpecificity, type Host, hostWithin } from '../../model/host.ts';
import type { Destination } from '../../model/http-route.ts';
import { meshGateway } from '../../model/virtual-service.ts';
import type { Client } from './client.ts';
import { connectionRoutes, type EffectiveConnectionRoute } from './connection-routes.ts';
import { type EffectiveRoute, effectiveRoutes } from './virtual-service.ts';
import { meshHosts, type RoutedService, type VirtualServices } from './virtual-services.ts';

/** What the VirtualService of a host says to one client. Destinations have full names. */
export interface MeshRoutes {
  /** Of HTTP on a port; undefined where it goes where it was meant to. */
  readonly http: (port: number) => readonly EffectiveRoute[] | undefined;
  /** Of TLS or TCP on a port; where none matches, a connection goes where it was meant to. */
  readonly connections: (kind: 'tls' | 'tcp', port: number) => readonly EffectiveConnectionRoute[];
}

/** The VirtualServices of a namespace's sidecars by host; of wildcards the longest first. */
interface NamespaceHosts {
  readonly all: ReadonlyMap<Host, RoutedService>;
  readonly wildcards: readonly (readonly [Host, RoutedService])[];
}

const known = new WeakMap<VirtualServices, Map<string, NamespaceHosts>>();

function hostsOf(services: VirtualServices, namespace: string): NamespaceHosts {
  const byNamespace = known.get(services) ?? new Map<string, NamespaceHosts>();
  known.set(services, byNamespace);
  const found = byNamespace.get(namespace);
  if (found !== undefined) return found;
  const all = meshHosts(services, namespace);
  const wildcards = [...all].filter(([host]) => host.startsWith('*')).sort(([a], [b]) => bySpecificity(a, b));
  const hosts = { all, wildcards };
  byNamespace.set(namespace, hosts);
  return hosts;
}

/** The VirtualService that decides about a host for sidecars of a namespace: of its own name, or of the longest wildcard (behaviour.md 4.3). */
export function routedService(services: VirtualServices, host: Host, namespace: string): RoutedService | undefined {
  const { all, wildcards } = hostsOf(services, namespace);
  return all.get(host) ?? wildcards.find(([pattern]) => hostWithin(host, pattern))?.[1];
}

/** The hosts that VirtualServices have for sidecars of a namespace, as written. */
export function routedHosts(services: VirtualServices, namespace: string): ReadonlyMap<Host, RoutedService> {
  return hostsOf(services, namespace).all;
}

/** The routes of a VirtualService for a sidecar. */
export function meshRoutes(routed: RoutedService, { namespace, labels }: Client): MeshRoutes {
  const asker = (port: number) => ({ gateways: [meshGateway], namespace, labels, port });
  return {
    http: (port) => {
      const routes = effectiveRoutes(routed, asker(port));
      return routes === undefined || routes.length === 0 ? undefined : routes;
    },
    connections: (kind, port) => connectionRoutes(kind, [routed], asker(port)),
  };
}

/** All that its routes lead to. */
export function destinationsOf({ service, http }: RoutedService): readonly Destination[] {
  return [
    ...http.flatMap(({ action, mirrors }) => [
      ...(action.kind === 'forward' ? action.destinations.map(({ destination }) => destination) : []),
      ...(mirrors ?? []).map(({ destination }) => destination),
    ]),
    ...[...service.tls, ...service.tcp].flatMap(({ destinations }) =>
      destinations.map(({ destination }) => destination),
    ),
  ];
}

const byDestination = new WeakMap<VirtualServices, ReadonlyMap<Host, readonly RoutedService[]>>();

/** The VirtualServices with a route to a host within a pattern; found by host, as every change of a service asks. */
export function routedTo(services: VirtualServices, pattern: Host): readonly RoutedService[] {
  const known = byDestination.get(services) ?? destinations(services);
  byDestination.set(services, known);
  if (!pattern.startsWith('*')) return known.get(pattern) ?? [];
  return [...known].flatMap(([host, routed]) => (hostWithin(host, pattern) ? routed : []));
}

function destinations(services: VirtualServices): ReadonlyMap<Host, readonly RoutedService[]> {
  const found = new Map<Host, RoutedService[]>();
  for (const routed of services)
    for (const host of new Set(destinationsOf(routed).map((each) => each.host))) pushTo(found, host, routed);
  return found;
}
