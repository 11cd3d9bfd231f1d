import { envoy } from '@envoyproxy/protos';
import type { Host } from '../../model/host.ts';
import type { Resource } from '../../model/resource.ts';
import type { GatewayRoutes } from '../policy/gateway.ts';
import { routeLimits } from './http-routes.ts';
import { resource } from './resource.ts';

type VirtualHost = envoy.config.route.v3.VirtualHost;
type Route = envoy.config.route.v3.Route;

const everything = { prefix: '/' } as const;

/** The routes of one host, which is one of a server's or narrower. */
export interface HostRoutes {
  readonly host: Host;
  readonly routes: readonly Route[];
  /** All of it is answered by a redirect to https. */
  readonly httpsRedirect: boolean;
}

/**
 * The route configuration of a plaintext port, or of one TLS server (behaviour.md 5.4). A host of a server that redirects has
 * a virtual host of its own even if no VirtualService names it. Where there is nothing at all, every request gets 404.
 */
export function gatewayRouteConfiguration({ name, servers }: GatewayRoutes, hosts: readonly HostRoutes[]): Resource {
  const port = servers[0]?.port ?? 0;
  const found = new Map<string, VirtualHost>();
  const put = ({ host, routes, httpsRedirect }: HostRoutes): void => {
    if (found.has(host)) return;
    const virtualHost: VirtualHost = { name: `${host}:${port}`, domains: [host], routes };
    found.set(
      host,
      httpsRedirect
        ? { ...virtualHost, requireTls: envoy.config.route.v3.VirtualHost.TlsRequirementType.ALL }
        : virtualHost,
    );
  };
  for (const each of hosts) put(each);
  for (const server of servers) {
    if (server.httpsRedirect)
      for (const { host } of server.hosts) put({ host, routes: [redirected], httpsRedirect: true });
  }
  const blackhole: VirtualHost = {
    name: `blackhole:${port}`,
    domains: ['*'],
    routes: [{ match: everything, directResponse: { status: 404 } }],
  };
  return resource('route', name, {
    name,
    virtualHosts: found.size === 0 ? [blackhole] : [...found.values()],
    validateClusters: { value: false },
    ignorePortInHostMatching: true,
    ...routeLimits,
  });
}

/** Never reached over plaintext, as the virtual host asks for TLS first. */
const redirected: Route = { match: everything, directResponse: { status: 404 } };
