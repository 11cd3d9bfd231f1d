import { any, envoy, typeUrl } from '@envoyproxy/protos';
import { inboundCluster, inboundPassthroughCluster, rbacAllowFilter, rbacDenyFilter } from './names.ts';
import { ads, adsWithTimeout, seconds } from './sources.ts';

type NetworkFilter = envoy.config.listener.v3.Filter;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

const { ForwardClientCertDetails } = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
const managerName = 'envoy.filters.network.http_connection_manager';

const router: HttpFilter = {
  name: 'envoy.filters.http.router',
  typedConfig: any('envoy.extensions.filters.http.router.v3.Router', {}),
};

/**
 * A filter whose configuration arrives by ECDS, so that a policy edit replaces the filter on open connections and drains
 * nothing. There is no default: while it is missing, requests fail (500).
 */
function discovered(name: string): HttpFilter {
  return {
    name,
    configDiscovery: {
      configSource: adsWithTimeout,
      typeUrls: [typeUrl('envoy.extensions.filters.http.rbac.v3.RBAC')],
    },
  };
}

/** HTTP filters of every inbound chain, in order: what denies comes first (behaviour.md, filter order). */
const inboundFilters: readonly HttpFilter[] = [discovered(rbacDenyFilter), discovered(rbacAllowFilter), router];

/** The target port of a service, or the passthrough of all ports that none names. */
export type InboundTarget =
  | { readonly kind: 'service'; readonly port: number; readonly servicePort: number }
  | { readonly kind: 'passthrough' };

/** HTTP on the way in: policy, then the application (behaviour.md 3.5). Routes are inline: they never change alone. */
export function inboundHttp(target: InboundTarget): NetworkFilter {
  const service = target.kind === 'service';
  const cluster = service ? inboundCluster(target.port) : inboundPassthroughCluster;
  return {
    name: managerName,
    typedConfig: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      statPrefix: service ? `inbound_0.0.0.0_${target.port}` : inboundPassthroughCluster,
      routeConfig: {
        name: cluster,
        validateClusters: { value: false },
        virtualHosts: [
          {
            name: service ? `inbound|http|${target.servicePort}` : 'inbound|http|0',
            domains: ['*'],
            routes: [
              {
                name: 'default',
                match: { prefix: '/' },
                route: {
                  cluster,
                  timeout: seconds(0),
                  maxStreamDuration: { maxStreamDuration: seconds(0) },
                  retryPolicy: { retryOn: 'reset-before-request', numRetries: { value: 2 } },
                },
              },
            ],
          },
        ],
      },
      httpFilters: inboundFilters,
      serverName: 'istio-envoy',
      useRemoteAddress: { value: false },
      forwardClientCertDetails: ForwardClientCertDetails.APPEND_FORWARD,
      setCurrentClientCertDetails: { subject: { value: true }, dns: true, uri: true },
      normalizePath: { value: true },
      // `admin.example.` is the same host: a rule on `admin.example` must hold for it.
      stripTrailingHostDot: true,
      streamIdleTimeout: seconds(0),
      upgradeConfigs: [{ upgradeType: 'websocket' }],
    }),
  };
}

/** HTTP on the way out: routed by Host over the route configuration of that name (behaviour.md 4.2). */
export function outboundHttp(
  routeName: string,
  statPrefix: string,
  extraFilters: readonly HttpFilter[] = [],
): NetworkFilter {
  return {
    name: managerName,
    typedConfig: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      statPrefix,
      rds: { configSource: ads, routeConfigName: routeName },
      httpFilters: [...extraFilters, router],
      stripTrailingHostDot: true,
      useRemoteAddress: { value: false },
      normalizePath: { value: true },
      streamIdleTimeout: seconds(0),
      upgradeConfigs: [{ upgradeType: 'websocket' }],
    }),
  };
}

/** Bytes as they are, to one cluster. */
export function tcpProxy(cluster: string, statPrefix = cluster): NetworkFilter {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typedConfig: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { statPrefix, cluster }),
  };
}

/**
 * Marks requests of a sniffed port as HTTP for the server, which finds its chain by ALPN: the same cluster also carries
 * the port's raw TCP, so the mark can't stand in the cluster.
 */
export const httpAlpnFilter: HttpFilter = {
  name: 'coxswain.http.alpn',
  typedConfig: any('envoy.extensions.filters.http.set_filter_state.v3.Config', {
    onRequestHeaders: [
      {
        objectKey: 'envoy.network.application_protocols',
        formatString: { textFormatSource: { inlineString: 'istio-http/1.1' } },
        sharedWithUpstream:
          envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue.SharedWithUpstream.ONCE,
      },
    ],
  }),
};
