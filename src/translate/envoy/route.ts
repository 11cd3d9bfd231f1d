import type { envoy } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import { compareText } from '../../model/object.ts';
import type { Resource } from '../../model/resource.ts';
import type { HashKey } from '../../model/traffic-policy.ts';
import { outboundCluster, passthroughCluster, routeOfPort, routeOfService, virtualHostName } from './names.ts';
import { resource } from './resource.ts';
import { adsWithTimeout, milliseconds, seconds } from './sources.ts';

type VirtualHost = envoy.config.route.v3.VirtualHost;
type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

/** What happens to a Host that no service has: passed on as it is, or refused with 502 (behaviour.md 4.3). */
export type UnknownHosts = 'allow' | 'block';

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

/** What the cluster's load balancer hashes of a request. */
function hashPolicy(key: HashKey): envoy.config.route.v3.RouteAction.HashPolicy {
  switch (key.kind) {
    case 'header':
      return { header: { headerName: key.name } };
    case 'cookie':
      return {
        cookie: {
          name: key.name,
          ...(key.path === '' ? {} : { path: key.path }),
          ...(key.ttlMs === undefined ? {} : { ttl: milliseconds(key.ttlMs) }),
        },
      };
    case 'query':
      return { queryParameter: { name: key.name } };
    case 'address':
      return { connectionProperties: { sourceIp: true } };
    default:
      return assertNever(key);
  }
}

function catchAll(unknown: UnknownHosts): VirtualHost {
  return unknown === 'allow'
    ? {
        name: 'allow_any',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster: passthroughCluster, timeout: seconds(0) } }],
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
}

export function virtualHost({ host, port, domains, hash }: ServiceRoute): VirtualHost {
  return { name: virtualHostName(host, port), domains, routes: [forward(outboundCluster(port, host), hash)] };
}

/** A virtual host as a resource of its own (VHDS): a new service costs one of these, not a whole route table. */
export function virtualHostResource(key: ServiceRoute): Resource {
  return resource('virtualHost', virtualHostName(key.host, key.port), virtualHost(key));
}

const shell = { validateClusters: { value: false }, ignorePortInHostMatching: true } as const;

/** The route configuration of an HTTP port, for clients that take its virtual hosts by VHDS. */
export function discoveredRoutes(port: number, unknown: UnknownHosts): Resource {
  return routes({
    name: routeOfPort(port),
    virtualHosts: [catchAll(unknown)],
    vhds: { configSource: adsWithTimeout },
    ...shell,
  });
}

/** The same, whole, for all other clients. */
export function inlineRoutes(port: number, services: readonly ServiceRoute[], unknown: UnknownHosts): Resource {
  const virtualHosts = [...services].sort((a, b) => compareText(a.host, b.host)).map(virtualHost);
  return routes({ name: routeOfPort(port), virtualHosts: [...virtualHosts, catchAll(unknown)], ...shell });
}

/** Routes of one sniffed port, reached by the service's own address: whatever the Host, it is this service. */
export function serviceRoutes({ host, port, hash }: Omit<ServiceRoute, 'domains'>): Resource {
  return routes({
    name: routeOfService(host, port),
    virtualHosts: [
      { name: virtualHostName(host, port), domains: ['*'], routes: [forward(outboundCluster(port, host), hash)] },
    ],
    ...shell,
  });
}

function routes(config: RouteConfiguration & { readonly name: string }): Resource {
  return resource('route', config.name, config);
}
