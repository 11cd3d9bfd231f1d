import type { Mesh } from '../model/mesh.ts';
import type { Resource } from '../model/resource.ts';
import { isHttp } from '../model/service.ts';
import type { BuildCache } from './cache.ts';
import { serviceCluster } from './envoy/cluster.ts';
import { loadAssignment } from './envoy/endpoint.ts';
import { connectionSettings } from './envoy/http-connection-manager.ts';
import { reservedPorts } from './envoy/names.ts';
import { sniffedServiceListener, tcpServiceListener } from './envoy/outbound-listener.ts';
import { type ServiceRoute, serviceRoutes, virtualHostResource } from './envoy/route.ts';
import { domainsOf, type EffectiveService } from './policy/outbound.ts';

/** All that one service adds to its clients' configuration. */
export interface ServiceUnit {
  readonly service: EffectiveService;
  readonly clusters: readonly Resource[];
  readonly endpoints: readonly Resource[];
  readonly listeners: readonly Resource[];
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
  const { host, addresses } = service;
  const ports = service.ports.filter(({ port }) => !reservedPorts.has(port));
  const clusters = service.ports.map(({ port, protocol, tls, servers }) =>
    cache.get('cluster', { host, port, protocol, tls, servers, trustDomain }, serviceCluster),
  );
  const endpoints = service.ports.map(({ port, endpoints }) =>
    cache.get('endpoint', { host, port, endpoints }, (key) => loadAssignment(key.host, key.port, key.endpoints)),
  );
  const listeners = ports
    .filter(({ protocol }) => !isHttp(protocol))
    .flatMap(({ port, protocol }) =>
      addresses.map((address) =>
        protocol === 'auto'
          ? cache.get('sniffedListener', { address, port, host, settings }, sniffedServiceListener)
          : cache.get('tcpListener', { address, port, host, settings }, tcpServiceListener),
      ),
    );
  const routes = ports
    .filter(({ protocol }) => protocol === 'auto')
    .map(({ port }) => cache.get('route', { host, port }, (key) => serviceRoutes(key.host, key.port)));
  const hosts = (client: 'same-namespace' | 'other-namespace'): Hosts => {
    const domains = domainsOf(service, client);
    const keys = ports.filter(({ protocol }) => isHttp(protocol)).map(({ port }) => ({ host, port, domains }));
    return { routes: keys, virtualHosts: keys.map((key) => cache.get('virtualHost', key, virtualHostResource)) };
  };
  return {
    service,
    clusters,
    endpoints,
    listeners,
    routes,
    sameNamespace: hosts('same-namespace'),
    otherNamespace: hosts('other-namespace'),
  };
}
