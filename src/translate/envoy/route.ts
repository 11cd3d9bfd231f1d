import type { envoy } from '@envoyproxy/protos';
import { compareText } from '../../model/object.ts';
import type { Resource } from '../../model/resource.ts';
import type { HashKey } from '../../model/traffic-policy.ts';
import { hashPolicy } from './hash-policy.ts';
import { routeLimits } from './http-routes.ts';
import { blackHoleCluster, outboundCluster, routeOfPort, routeOfService, virtualHostName } from './names.ts';
import { resource } from './resource.ts';
import { adsWithTimeout, seconds } from './sources.ts';

type VirtualHost = envoy.config.route.v3.VirtualHost;
type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

const retryPolicy = {
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled',
  numRetries: { value: 2 },
};

function forward(cluster: string, hash: HashKey | undefined): envoy.config.route.v3.Route {
  return {
    match: { prefix: '/' },
    route: {
      cluster,
      timeout: seconds(0),
      retryPolicy,
      ...(hash === undefined ? {} : { hashPolicy: [hashPolicy(hash)] }),
    },
  };
}

/** A Host that no service has goes to `unknown`; where that is the cluster without endpoints, it is refused with 502 (behaviour.md 4.3). */
function catchAll(unknown: string): VirtualHost {
  return unknown !== blackHoleCluster
    ? {
        name: 'allow_any',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster: unknown, timeout: seconds(0) } }],
      }
    : { name: 'block_all', domains: ['*'], routes: [{ match: { prefix: '/' }, directResponse: { status: 502 } }] };
}

/** Everything that a service's virtual host on one port depends on. */
export interface ServiceRoute {
  readonly host: string;
  readonly port: number;
  /** Every name and address by which a client may call it; no two virtual hosts of a port share one. */
  readonly domains: readonly string[];
  /** What consistent load balancing hashes. */
  readonly hash: HashKey | undefined;
  /** Routes of a VirtualService; undefined: everything goes to the service. */
  readonly routes: readonly envoy.config.route.v3.Route[] | undefined;
}

export function virtualHost({ host, port, domains, hash, routes: routed }: ServiceRoute): VirtualHost {
  return {
    name: virtualHostName(host, port),
    domains,
    routes: routed ?? [forward(outboundCluster(port, host), hash)],
  };
}

/** A virtual host as a resource of its own (VHDS): a new service costs one of these, not a whole route table. */
export function virtualHostResource(key: ServiceRoute): Resource {
  return resource('virtualHost', virtualHostName(key.host, key.port), virtualHost(key));
}

const shell = {
  validateClusters: { value: false },
  ignorePortInHostMatching: true,
  ...routeLimits,
} as const;

/** The route configuration of an HTTP port, for clients that take its virtual hosts by VHDS. */
export function discoveredRoutes(port: number, unknown: string): Resource {
  return routes({
    name: routeOfPort(port),
    virtualHosts: [catchAll(unknown)],
    vhds: { configSource: adsWithTimeout },
    ...shell,
  });
}

/** The same, whole, for all other clients. */
export function inlineRoutes(port: number, services: readonly ServiceRoute[], unknown: string): Resource {
  const virtualHosts = [...services].sort((a, b) => compareText(a.host, b.host)).map(virtualHost);
  return routes({ name: routeOfPort(port), virtualHosts: [...virtualHosts, catchAll(unknown)], ...shell });
}

/** Routes of one sniffed port, reached by the service's own address: whatever the Host, it is this service. */
export function serviceRoutes(service: Omit<ServiceRoute, 'domains'>): Resource {
  return routes({
    name: routeOfService(service.host, service.port),
    virtualHosts: [virtualHost({ ...service, domains: ['*'] })],
    ...shell,
  });
}

function routes(config: RouteConfiguration & { readonly name: string }): Resource {
  return resource('route', config.name, config);
}
