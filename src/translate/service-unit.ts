import type { Mesh } from '../model/mesh.ts';
import type { Resource } from '../model/resource.ts';
import { isHttp } from '../model/service.ts';
import type { HashKey } from '../model/traffic-policy.ts';
import type { BuildCache } from './cache.ts';
import { serviceCluster } from './envoy/cluster.ts';
import type { NamedEndpoints } from './envoy/dns-cluster.ts';
import { loadAssignment } from './envoy/endpoint.ts';
import { connectionSettings, type TcpOptions } from './envoy/http-connection-manager.ts';
import { reservedPorts } from './envoy/names.ts';
import { fileSecrets } from './envoy/originated-tls.ts';
import { sniffedServiceListener, tcpServiceListener } from './envoy/outbound-listener.ts';
import { type ServiceRoute, serviceRoutes, virtualHostResource } from './envoy/route.ts';
import type { PortClaim } from './envoy/shared-listener.ts';
import { isOriginated } from './policy/client-tls.ts';
import { domainsOf, type EffectiveService } from './policy/outbound.ts';
import type { OutboundEndpoint, OutboundPort } from './policy/outbound-ports.ts';
import type { TargetPolicy } from './policy/target-policy.ts';

/** All that one service adds to its clients' configuration. */
export interface ServiceUnit {
  readonly service: EffectiveService;
  readonly clusters: readonly Resource[];
  readonly endpoints: readonly Resource[];
  /** Certificates that are files of the client's machine, by their names. */
  readonly secrets: readonly Resource[];
  readonly listeners: readonly Resource[];
  /** Its parts in listeners that several services share. */
  readonly claims: readonly PortClaim[];
  /** Routes of sniffed ports; those of HTTP ports are made per port, from all services. */
  readonly routes: readonly Resource[];
  /** One per HTTP port, as a client of the same or of another namespace names it. */
  readonly sameNamespace: Hosts;
  readonly otherNamespace: Hosts;
}

export interface Hosts {
  readonly routes: readonly ServiceRoute[];
  readonly virtualHosts: readonly Resource[];
}

/** Builds what clients need for a service. Each resource is cached by just what it depends on. */
export function serviceUnit(cache: BuildCache, service: EffectiveService, mesh: Mesh): ServiceUnit {
  const { trustDomain } = mesh;
  const settings = connectionSettings(mesh);
  const { host, listenAt, rule, discovery } = service;
  const ports = service.ports.filter(({ port }) => !reservedPorts.has(port));
  const targets = service.ports.flatMap(({ subsets, ...all }) =>
    [all, ...subsets].map((target) => ({ ...target, port: all.port, protocol: all.protocol })),
  );
  const named = (endpoints: readonly OutboundEndpoint[]): NamedEndpoints | undefined =>
    discovery === 'eds' ? undefined : { kind: discovery === 'logical-dns' ? 'logical' : 'strict', endpoints };
  const clusters = targets.map(({ port, protocol, subset, tls, servers, policy, endpoints: own }) =>
    cache.get(
      'cluster',
      { host, port, subset, protocol, tls, servers, trustDomain, policy, rule, named: named(own) },
      serviceCluster,
    ),
  );
  const endpoints = targets
    .filter(({ policy }) => discovery === 'eds' && policy.loadBalancer?.method !== 'PASSTHROUGH')
    .map(({ port, subset, endpoints: own }) =>
      cache.get('endpoint', { host, port, subset, endpoints: own }, loadAssignment),
    );
  const listeners = ports
    .filter(({ protocol }) => !isHttp(protocol))
    .flatMap(({ port, protocol, tls, policy }) =>
      listenAt.map((address) => {
        const key = { address, port, host, settings, tcp: tcpOptions(policy) };
        return protocol === 'auto'
          ? cache.get('sniffedListener', { ...key, markHttp: !isOriginated(tls) }, sniffedServiceListener)
          : cache.get('tcpListener', key, tcpServiceListener);
      }),
    );
  const routes = ports
    .filter(({ protocol }) => protocol === 'auto')
    .map(({ port, policy }) => cache.get('route', { host, port, hash: hashKey(policy) }, serviceRoutes));
  const hosts = (client: 'same-namespace' | 'other-namespace'): Hosts => {
    const domains = domainsOf(service, client);
    const keys = ports
      .filter(({ protocol }) => isHttp(protocol) || (protocol === 'auto' && sharesPort(service)))
      .map(({ port, policy }) => ({ host, port, domains, hash: hashKey(policy) }));
    return { routes: keys, virtualHosts: keys.map((key) => cache.get('virtualHost', key, virtualHostResource)) };
  };
  return {
    service,
    clusters,
    endpoints,
    secrets: targets.flatMap(({ tls }) => (isOriginated(tls) ? fileSecrets(tls) : [])),
    listeners,
    claims: ports.flatMap((port) => claimsOf(service, port)),
    routes,
    sameNamespace: hosts('same-namespace'),
    otherNamespace: hosts('other-namespace'),
  };
}

/** Whether it meets other services in the listeners of its ports: there is no address that is its alone. */
const sharesPort = ({ blocks, everywhere }: EffectiveService): boolean => everywhere || blocks.length > 0;

/** How connections to a port are known that isn't HTTP, where no address is the service's alone (behaviour.md 4.2). */
function claimsOf(
  { host, blocks, everywhere }: EffectiveService,
  { port, protocol, policy }: OutboundPort,
): readonly PortClaim[] {
  if (isHttp(protocol)) return [];
  const claim = { port, host, tcp: tcpOptions(policy) };
  const byName = protocol === 'tls';
  // Only a whole label can be any in a server name.
  if (byName && host.startsWith('*') && !host.startsWith('*.')) return [];
  if (everywhere) return [{ ...claim, match: { kind: byName ? 'name' : 'rest' } }];
  const sniffed = protocol === 'auto';
  return blocks.map((block) => ({ ...claim, match: { kind: 'block', block, byName, sniffed } }));
}

function hashKey({ loadBalancer }: TargetPolicy): HashKey | undefined {
  const method = loadBalancer?.method;
  return typeof method === 'object' ? method.key : undefined;
}

function tcpOptions(policy: TargetPolicy): TcpOptions {
  return {
    idleTimeoutMs: policy.connectionPool?.tcpIdleTimeoutMs,
    hashAddress: hashKey(policy)?.kind === 'address',
  };
}
