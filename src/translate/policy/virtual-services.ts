import { pushTo } from '../../lib/push-to.ts';
import { type DecidedRoute, delegated, type FindVirtualService } from '../../model/delegation.ts';
import { visibleIn } from '../../model/export-to.ts';
import { withFullHosts } from '../../model/full-hosts.ts';
import { type Host, narrower } from '../../model/host.ts';
import { byAge } from '../../model/object.ts';
import { type DelegateRef, meshGateway, type VirtualService } from '../../model/virtual-service.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';

/** A VirtualService with full names, and its HTTP routes after delegation. */
export interface RoutedService {
  readonly service: VirtualService;
  readonly http: readonly DecidedRoute[];
}

/** All VirtualServices that have hosts, the oldest first. */
export type VirtualServices = readonly RoutedService[];

/**
 * Prepares all VirtualServices of a mesh: names are made full, delegates put in their places (behaviour.md 5.7). What an object and its
 * delegates say is prepared once, and stays the same object until one of them changes: whoever builds from it can tell by that.
 */
export function virtualServices(services: Iterable<VirtualService>, dnsDomain: string): VirtualServices {
  const full = [...services].map((service) => fullService(service, dnsDomain)).sort(byAge);
  const byName = new Map(full.map((service) => [`${service.meta.namespace}/${service.meta.name}`, service]));
  const find: FindVirtualService = ({ namespace, name }) => byName.get(`${namespace}/${name}`);
  return full.filter(({ hosts }) => hosts.length > 0).map((service) => routedBy(service, find));
}

const fullServices = new WeakMap<VirtualService, { readonly dnsDomain: string; readonly full: VirtualService }>();

function fullService(service: VirtualService, dnsDomain: string): VirtualService {
  const known = fullServices.get(service);
  if (known?.dnsDomain === dnsDomain) return known.full;
  const full = withFullHosts(service, dnsDomain);
  fullServices.set(service, { dnsDomain, full });
  return full;
}

/** What a VirtualService came to, with what was found in the place of each delegate that it names. */
interface Delegated {
  readonly asked: readonly (readonly [DelegateRef, VirtualService | undefined])[];
  readonly routed: RoutedService;
}

const delegatedServices = new WeakMap<VirtualService, Delegated>();

function routedBy(service: VirtualService, find: FindVirtualService): RoutedService {
  const known = delegatedServices.get(service);
  if (known?.asked.every(([to, found]) => find(to) === found)) return known.routed;
  const asked: [DelegateRef, VirtualService | undefined][] = [];
  const { routes } = delegated(service, (to) => {
    const found = find(to);
    asked.push([to, found]);
    return found;
  });
  const routed = { service, http: routes };
  delegatedServices.set(service, { asked, routed });
  return routed;
}

const known = new WeakMap<Snapshot['virtualServices'], { readonly dnsDomain: string; readonly all: VirtualServices }>();

/** Those of a mesh, prepared once for each state of them: snapshots share what didn't change. */
export function virtualServicesOf({ virtualServices: named, mesh: { dnsDomain } }: Snapshot): VirtualServices {
  const found = known.get(named);
  if (found?.dnsDomain === dnsDomain) return found.all;
  const prepared = virtualServices(all(named), dnsDomain);
  known.set(named, { dnsDomain, all: prepared });
  return prepared;
}

/**
 * The VirtualServices that hold for sidecars of a namespace, by host. Of two for one host the oldest decides alone: sidecars merge nothing
 * (behaviour.md 5.7).
 */
export function meshHosts(services: VirtualServices, namespace: string): ReadonlyMap<Host, RoutedService> {
  const found = new Map<Host, RoutedService>();
  for (const each of services) {
    const { service } = each;
    if (!service.gateways.includes(meshGateway) || !visibleIn(service.exportTo, namespace)) continue;
    for (const host of service.hosts) if (!found.has(host)) found.set(host, each);
  }
  return found;
}

/** A host that a server of a Gateway takes: from VirtualServices of one namespace, or of any (behaviour.md 5.7). */
export interface TakenHost {
  readonly namespace: string | undefined;
  readonly host: Host;
}

/** A server of a Gateway, as far as it decides which VirtualServices hold. */
export interface BoundServer {
  /** The Gateway, `namespace/name`. */
  readonly gateway: string;
  /** As the Gateway writes it. */
  readonly port: number;
  readonly hosts: readonly TakenHost[];
}

/** A VirtualService on a gateway, and the Gateways by which it is there; of their ports, the first counts. */
export interface BoundService extends RoutedService {
  readonly gateways: readonly string[];
  readonly port: number;
}

/**
 * The VirtualServices that hold on servers which share a router's port, by domain: the narrower of the server's host and the
 * VirtualService's. Several for one domain hold together, the oldest first (behaviour.md 5.7). `namespace` is the router's.
 */
export function gatewayDomains(
  services: VirtualServices,
  namespace: string,
  servers: readonly BoundServer[],
): ReadonlyMap<Host, readonly BoundService[]> {
  const found = new Map<Host, Map<RoutedService, { readonly gateways: Set<string>; readonly port: number }>>();
  const taking = serversByGateway(servers);
  for (const each of candidates(services, servers)) {
    const { service } = each;
    if (!visibleIn(service.exportTo, namespace)) continue;
    for (const { gateway, port, hosts } of taking(service)) {
      for (const domain of takenDomains(service, hosts)) {
        const here = found.get(domain) ?? new Map<RoutedService, { gateways: Set<string>; port: number }>();
        const binding = here.get(each) ?? { gateways: new Set(), port };
        binding.gateways.add(gateway);
        found.set(domain, here.set(each, binding));
      }
    }
  }
  return new Map(
    [...found].map(([domain, here]) => [
      domain,
      [...here].map(([each, { gateways, port }]) => ({ ...each, gateways: [...gateways], port })),
    ]),
  );
}

/** Finds the servers that may take a host of a VirtualService, in their order: there may be a thousand of both. */
function serversByGateway(servers: readonly BoundServer[]): (service: VirtualService) => readonly BoundServer[] {
  if (servers.length === 1) return ({ gateways }) => servers.filter(({ gateway }) => gateways.includes(gateway));
  const places = new Map(servers.map((server, place) => [server, place]));
  const named = Map.groupBy(servers, ({ gateway }) => gateway);
  const found = new Map(
    [...named].map(([gateway, all]) => {
      const byHost = new Map<Host, BoundServer[]>();
      for (const each of all) for (const { host } of each.hosts) pushTo(byHost, host, each);
      return [gateway, { all, byHost, wild: all.filter(isWild) }] as const;
    }),
  );
  return ({ gateways, hosts }) => {
    const taking = new Set<BoundServer>();
    for (const gateway of gateways) {
      const here = found.get(gateway);
      if (here === undefined) continue;
      const near = isWild({ hosts: hosts.map((host) => ({ host })) })
        ? here.all
        : [...hosts.flatMap((host) => here.byHost.get(host) ?? []), ...here.wild];
      for (const each of near) taking.add(each);
    }
    return [...taking].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
  };
}

const isWild = ({ hosts }: { readonly hosts: readonly { readonly host: Host }[] }): boolean =>
  hosts.some(({ host }) => host.startsWith('*'));

/** The VirtualServices of one Gateway, to be found by host: each server asks, and there may be thousands of both. */
interface GatewayServices {
  readonly all: VirtualServices;
  readonly byHost: ReadonlyMap<Host, VirtualServices>;
  readonly wild: VirtualServices;
}

const byGateway = new WeakMap<VirtualServices, ReadonlyMap<string, GatewayServices>>();

function servicesByGateway(services: VirtualServices): ReadonlyMap<string, GatewayServices> {
  const before = byGateway.get(services);
  if (before !== undefined) return before;
  const named = new Map<string, RoutedService[]>();
  for (const each of services) for (const gateway of each.service.gateways) pushTo(named, gateway, each);
  const found = new Map(
    [...named].map(([gateway, all]) => {
      const byHost = new Map<Host, RoutedService[]>();
      for (const each of all) for (const host of each.service.hosts) pushTo(byHost, host, each);
      const wild = all.filter(({ service }) => service.hosts.some((host) => host.startsWith('*')));
      return [gateway, { all, byHost, wild }] as const;
    }),
  );
  byGateway.set(services, found);
  return found;
}

/** All that may have a host in common with one of these servers, the oldest first. */
function candidates(services: VirtualServices, servers: readonly BoundServer[]): VirtualServices {
  const gateways = servicesByGateway(services);
  const found = new Set<RoutedService>();
  for (const { gateway, hosts } of servers) {
    const here = gateways.get(gateway);
    if (here === undefined) continue;
    for (const { host } of hosts) {
      const near = host.startsWith('*') ? here.all : [...(here.byHost.get(host) ?? []), ...here.wild];
      for (const each of near) found.add(each);
    }
  }
  return [...found].sort((a, b) => byAge(a.service, b.service));
}

/** What of a VirtualService's hosts a server takes. */
function takenDomains({ meta, hosts }: VirtualService, taken: readonly TakenHost[]): readonly Host[] {
  return taken
    .filter(({ namespace }) => namespace === undefined || namespace === meta.namespace)
    .flatMap(({ host }) => hosts.flatMap((own) => narrower(own, host) ?? []));
}
