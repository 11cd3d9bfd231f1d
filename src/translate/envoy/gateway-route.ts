import { envoy } from '@envoyproxy/protos';
import type { Host } from '../../model/host.ts';
import type { Resource } from '../../model/resource.ts';
import type { GatewayRoutes } from '../policy/gateway.ts';
import { routeLimits } from './http-routes.ts';
import { resource, resourceWith } from './resource.ts';

type Route = envoy.config.route.v3.Route;

const everything = { prefix: '/' } as const;

/** The routes of one host, which is one of a server's or narrower. */
export interface HostRoutes {
  readonly host: Host;
  readonly routes: readonly Route[];
  /** All of it is answered by a redirect to https. */
  readonly httpsRedirect: boolean;
}

/** A virtual host by itself, of a server on a port as the Gateway writes it. */
export function gatewayVirtualHost({ host, routes, httpsRedirect }: HostRoutes, port: number): Resource {
  const requireTls = envoy.config.route.v3.VirtualHost.TlsRequirementType.ALL;
  const name = `${host}:${port}`;
  return resource('virtualHost', name, { name, domains: [host], routes, ...(httpsRedirect ? { requireTls } : {}) });
}

/**
 * The route configuration of a plaintext port, or of one TLS server (behaviour.md 5.4). A host of a server that redirects has
 * a virtual host of its own even if no VirtualService names it. Where there is nothing at all, every request gets 404. Virtual hosts come as
 * they are encoded: who has a thousand encodes only those that changed.
 */
export function gatewayRouteConfiguration(
  { name, servers }: GatewayRoutes,
  hosts: readonly HostRoutes[],
  encoded: (host: HostRoutes, port: number) => Resource = gatewayVirtualHost,
): Resource {
  const port = servers[0]?.port ?? 0;
  const found = new Map<Host, HostRoutes>();
  for (const each of hosts) found.set(each.host, each);
  for (const server of servers) {
    if (!server.httpsRedirect) continue;
    for (const { host } of server.hosts)
      if (!found.has(host)) found.set(host, { host, routes: [redirected], httpsRedirect: true });
  }
  const blackhole = (): Resource =>
    resource('virtualHost', '', {
      name: `blackhole:${port}`,
      domains: ['*'],
      routes: [{ match: everything, directResponse: { status: 404 } }],
    });
  const virtualHosts = found.size === 0 ? [blackhole()] : [...found.values()].map((each) => encoded(each, port));
  return resourceWith(
    'route',
    name,
    { name, validateClusters: { value: false }, ignorePortInHostMatching: true, ...routeLimits },
    { field: virtualHostsField, bodies: virtualHosts.map(({ body }) => body) },
  );
}

/** Of `virtual_hosts` in RouteConfiguration. */
const virtualHostsField = 2;

/** Never reached over plaintext, as the virtual host asks for TLS first. */
const redirected: Route = { match: everything, directResponse: { status: 404 } };
