import type { Host } from '../model/host.ts';
import { holdsAddress, type IpBlock } from '../model/ip-block.ts';
import type { Mesh } from '../model/mesh.ts';
import type { Resource } from '../model/resource.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { isHttp } from '../model/service.ts';
import type { BuildCache } from './cache.ts';
import { serviceCluster } from './envoy/cluster.ts';
import type { ConnectionTarget, TcpRoute } from './envoy/connection-routes.ts';
import type { NamedEndpoints } from './envoy/dns-cluster.ts';
import { loadAssignment } from './envoy/endpoint.ts';
import { connectionSettings, type TcpOptions } from './envoy/http-connection-manager.ts';
import { reservedPorts } from './envoy/names.ts';
import { credentialSources, fileSecrets, withheld } from './envoy/originated-tls.ts';
import { sniffedServiceListener, tcpServiceListener } from './envoy/outbound-listener.ts';
import { type ServiceRoute, serviceRoutes, virtualHostResource } from './envoy/route.ts';
import type { PortClaim } from './envoy/shared-listener.ts';
import { isOriginated } from './policy/client-tls.ts';
import { domainsOf, type EffectiveService, namespacesWithShortNames, type Precedence } from './policy/outbound.ts';
import type { OutboundEndpoint, OutboundPort } from './policy/outbound-ports.ts';
import { hashKeyOf, type TargetPolicy } from './policy/target-policy.ts';
import type { HttpPlace } from './shared-ports.ts';

/** All that one service adds to its clients' configuration. */
export interface ServiceUnit {
  readonly service: Precedence;
  readonly clusters: readonly Resource[];
  readonly endpoints: readonly Resource[];
  /** Certificates that are files of the client's machine, by their names. */
  readonly secrets: readonly Resource[];
  /** The clusters that name Secrets of the client's namespace. */
  readonly credentials: readonly CredentialCluster[];
  readonly listeners: readonly Resource[];
  /** Its parts in listeners that several services share. */
  readonly claims: readonly PortClaim[];
  /** Where its HTTP ports are at addresses that are its alone. */
  readonly httpAt: readonly HttpPlace[];
  /** Routes of sniffed ports; those of HTTP ports are made per port, from all services. */
  readonly routes: readonly Resource[];
  /** One per HTTP port, as most clients name it; and as those of some namespaces do, which have shorter names for it. */
  readonly hosts: Hosts;
  readonly hostsFrom: ReadonlyMap<string, Hosts>;
}

export interface Hosts {
  readonly routes: readonly ServiceRoute[];
  readonly virtualHosts: readonly Resource[];
}

/** A cluster that speaks TLS with Secrets, and how it is where one of them can't be used. */
export interface CredentialCluster {
  readonly sources: readonly SecretSource[];
  readonly withheld: Resource;
}

/** Builds what clients need for a service. Each resource is cached by just what it depends on. */
export function serviceUnit(
  cache: BuildCache,
  service: EffectiveService,
  mesh: Mesh,
  routed: UnitRoutes = unrouted,
): ServiceUnit {
  const { trustDomain } = mesh;
  const settings = connectionSettings(mesh);
  const { host, listenAt, rule, discovery } = service;
  const ports = service.ports.filter(({ port }) => !reservedPorts.has(port));
  const targets = service.ports.flatMap(({ subsets, ...all }) =>
    [all, ...subsets].map((target) => ({ ...target, port: all.port, protocol: all.protocol })),
  );
  const named = (endpoints: readonly OutboundEndpoint[]): NamedEndpoints | undefined =>
    discovery === 'eds' ? undefined : { kind: discovery === 'logical-dns' ? 'logical' : 'strict', endpoints };
  const cluster = (
    { port, protocol, subset, tls, servers, policy, endpoints: own }: (typeof targets)[number],
    spoken = tls,
  ): Resource =>
    cache.get(
      'cluster',
      { host, port, subset, protocol, tls: spoken, servers, trustDomain, policy, rule, named: named(own) },
      serviceCluster,
    );
  const clusters = targets.map((target) => cluster(target));
  const endpoints = targets
    .filter(({ policy }) => discovery === 'eds' && policy.loadBalancer?.method !== 'PASSTHROUGH')
    .map(({ port, subset, endpoints: own }) =>
      cache.get('endpoint', { host, port, subset, endpoints: own }, loadAssignment),
    );
  const listeners = ports
    .filter(({ protocol }) => !isHttp(protocol))
    .flatMap(({ port, protocol, tls, policy }) =>
      listenAt.map((address) => {
        const connections = routed.connections(protocol === 'tls' ? 'tls' : 'tcp', port);
        const key = { address, port, host, settings, tcp: tcpOptions(policy), routes: reaching(connections, address) };
        return protocol === 'auto'
          ? cache.get('sniffedListener', { ...key, markHttp: !isOriginated(tls) }, sniffedServiceListener)
          : cache.get('tcpListener', key, tcpServiceListener);
      }),
    );
  const routes = ports
    .filter(({ protocol }) => protocol === 'auto')
    .map(({ port, policy }) =>
      cache.get('route', { host, port, hash: hashKeyOf(policy), routes: routed.http(port) }, serviceRoutes),
    );
  const httpPorts = ports
    .filter(({ protocol }) => isHttp(protocol) || (protocol === 'auto' && sharesPort(service)))
    .map(({ port, policy }) => ({ host, port, hash: hashKeyOf(policy), routes: routed.http(port) }));
  const hosts = (namespace?: string): Hosts => {
    const domains = domainsOf(service, namespace);
    const keys = httpPorts.map((route) => ({ ...route, domains }));
    return { routes: keys, virtualHosts: keys.map((key) => cache.get('virtualHost', key, virtualHostResource)) };
  };
  return {
    service,
    clusters,
    endpoints,
    secrets: targets.flatMap(({ tls }) => (isOriginated(tls) ? fileSecrets(tls) : [])),
    credentials: targets.flatMap((target): readonly CredentialCluster[] => {
      const sources = isOriginated(target.tls) ? credentialSources(target.tls) : [];
      if (!isOriginated(target.tls) || sources.length === 0) return [];
      return [{ sources, withheld: cluster(target, withheld(target.tls)) }];
    }),
    listeners,
    claims: ports.flatMap((port) => claimsOf(service, port, routed)),
    httpAt: ports
      .filter(({ protocol }) => isHttp(protocol))
      .flatMap(({ port }) => listenAt.map((address) => ({ address, port }))),
    routes,
    hosts: hosts(),
    hostsFrom: new Map(namespacesWithShortNames(service).map((namespace) => [namespace, hosts(namespace)])),
  };
}

/** What VirtualServices say about a service's ports, as Envoy has it. */
export interface UnitRoutes {
  readonly http: (port: number) => ServiceRoute['routes'];
  readonly connections: (kind: 'tls' | 'tcp', port: number) => readonly TcpRoute[];
}

/** No VirtualService is for it. */
export const unrouted: UnitRoutes = { http: () => undefined, connections: () => [] };

/** A host that no registry knows: it has the routes that VirtualServices give it, and nothing else. */
export function routedHostUnit(
  cache: BuildCache,
  host: Host,
  port: number,
  routes: ServiceRoute['routes'],
): ServiceUnit {
  const key = { host, port, domains: [host], hash: undefined, routes };
  const hosts = { routes: [key], virtualHosts: [cache.get('virtualHost', key, virtualHostResource)] };
  return {
    service: { registry: 'none', createdAt: 0, name: '', namespace: '', host },
    clusters: [],
    endpoints: [],
    secrets: [],
    credentials: [],
    listeners: [],
    claims: [],
    httpAt: [],
    routes: [],
    hosts,
    hostsFrom: new Map(),
  };
}

/** The routes of connections to one address: which of the destinations' blocks it is in is known before there is one. */
function reaching(routes: readonly TcpRoute[], address: string): readonly TcpRoute[] {
  const here = routes.flatMap((route) => {
    const { destinationSubnet } = route.match;
    if (destinationSubnet === undefined) return [route];
    return holdsAddress(destinationSubnet, address)
      ? [{ ...route, match: { ...route.match, destinationSubnet: undefined } }]
      : [];
  });
  // Without their subnets two may be alike, and Envoy takes no two chains that match the same.
  const known = new Map<string, TcpRoute>();
  for (const route of here) {
    const key = JSON.stringify(route.match);
    if (!known.has(key)) known.set(key, route);
  }
  return [...known.values()];
}

/** Whether it meets other services in the listeners of its ports: there is no address that is its alone. */
const sharesPort = ({ blocks, everywhere }: EffectiveService): boolean => everywhere || blocks.length > 0;

/** How connections to a port are known that isn't HTTP, where no address is the service's alone (behaviour.md 4.2). */
function claimsOf(
  { host, blocks, everywhere }: EffectiveService,
  { port, protocol, policy }: OutboundPort,
  routed: UnitRoutes,
): readonly PortClaim[] {
  if (isHttp(protocol)) return [];
  const byName = protocol === 'tls';
  const sniffed = protocol === 'auto';
  const claim = (
    name: Host,
    { clusters, tunnel }: ConnectionTarget,
    within: readonly IpBlock[],
  ): readonly PortClaim[] => {
    const own = { port, host, tcp: { ...tcpOptions(policy), tunnel }, clusters };
    // Only a whole label can be any in a server name.
    if (byName && name.startsWith('*') && !name.startsWith('*.')) return [];
    if (within.length > 0)
      return within.map((block) => ({
        ...own,
        match: { kind: 'block', block, name: byName ? name : undefined, sniffed },
      }));
    return [{ ...own, match: byName ? { kind: 'name', name } : { kind: 'rest' } }];
  };
  if (!everywhere && blocks.length === 0) return [];
  const routes = routed.connections(byName ? 'tls' : 'tcp', port);
  return [
    ...routes.flatMap(({ match: { sniHost, destinationSubnet }, ...to }) =>
      claim(sniHost ?? host, to, destinationSubnet === undefined ? blocks : [destinationSubnet]),
    ),
    ...claim(host, { clusters: [], tunnel: policy.tunnel }, blocks),
  ];
}

function tcpOptions(policy: TargetPolicy): TcpOptions {
  return {
    idleTimeoutMs: policy.connectionPool?.tcpIdleTimeoutMs,
    hashAddress: hashKeyOf(policy)?.kind === 'address',
    tunnel: policy.tunnel,
  };
}
