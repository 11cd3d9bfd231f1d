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
  const all = [...services].map((service) => preparedOf(service, dnsDomain)).sort((a, b) => byAge(a.full, b.full));
  let byName: ReadonlyMap<string, VirtualService> | undefined;
  const find: FindVirtualService = ({ namespace, name }) => {
    byName ??= new Map(all.map(({ full }) => [`${full.meta.namespace}/${full.meta.name}`, full]));
    return byName.get(`${namespace}/${name}`);
  };
  return all.filter(({ full }) => full.hosts.length > 0).map((each) => routedBy(each, find));
}

/** One VirtualService, prepared: with full names, and what it came to with what was found in the place of each delegate. */
interface Prepared {
  readonly dnsDomain: string;
  readonly full: VirtualService;
  routed: RoutedService | undefined;
  delegates: readonly (readonly [DelegateRef, VirtualService | undefined])[];
}

const preparedServices = new WeakMap<VirtualService, Prepared>();

function preparedOf(service: VirtualService, dnsDomain: string): Prepared {
  const known = preparedServices.get(service);
  if (known?.dnsDomain === dnsDomain) return known;
  const prepared = { dnsDomain, full: withFullHosts(service, dnsDomain), routed: undefined, delegates: [] };
  preparedServices.set(service, prepared);
  return prepared;
}

function routedBy(prepared: Prepared, find: FindVirtualService): RoutedService {
  const { full, routed, delegates } = prepared;
  if (routed !== undefined && delegates.every(([to, found]) => find(to) === found)) return routed;
  const asked: [DelegateRef, VirtualService | undefined][] = [];
  const { routes } = delegated(full, (to) => {
    const found = find(to);
    asked.push([to, found]);
    return found;
  });
  const made = { service: full, http: routes };
  prepared.routed = made;
  prepared.delegates = asked;
  return made;
}

/**
 * The VirtualServices, with full names, in which an object has a part: itself, or those that delegate to it in one of these states. One with
 * hosts is no delegate.
 */
export function rootsOf(object: VirtualService, states: readonly Snapshot[]): readonly VirtualService[] {
  const { name, namespace } = object.meta;
  if (object.hosts.length > 0) return [...new Set(states.map(({ mesh }) => preparedOf(object, mesh.dnsDomain).full))];
  const named = ({ action }: VirtualService['http'][number]): boolean =>
    action.kind === 'delegate' && action.to.name === name && action.to.namespace === namespace;
  return states.flatMap((state) =>
    virtualServicesOf(state)
      .map(({ service }) => service)
      .filter(({ http }) => http.some(named)),
  );
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

/** Those that are in one of two states alone: what an edit made of its object and of those that delegate to it. */
export function differing(before: VirtualServices, after: VirtualServices): readonly RoutedService[] {
  if (before === after) return [];
  const [was, is] = [new Set(before), new Set(after)];
  return [...before.filter((each) => !is.has(each)), ...after.filter((each) => !was.has(each))];
}

/** May some of these VirtualServices hold on one of these servers? */
export function mayBind(services: VirtualServices, servers: readonly BoundServer[]): boolean {
  return services.some(({ service }) =>
    servers.some(({ gateway, hosts }) => service.gateways.includes(gateway) && takenDomains(service, hosts).length > 0),
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
