import { any, envoy } from '@envoyproxy/protos';
import { oneEndpoint, seconds, socketAddress } from './bootstrap-values.ts';
import { metricsPath, readinessPath, sidecarPorts } from './ports.ts';

export type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

const metricsCluster = 'prometheus_stats';

/** The last filter of every HTTP listener. */
export const router: HttpFilter = {
  name: 'envoy.filters.http.router',
  typedConfig: any('envoy.extensions.filters.http.router.v3.Router', {}),
};

/**
 * `:15021/healthz/ready`: Envoy opens its listeners, static ones too, only when the first configuration is complete, and
 * the filter answers 503 while it drains. So 200 means: takes traffic.
 */
export function healthListener(): envoy.config.listener.v3.Listener {
  const filter: HttpFilter = {
    name: 'envoy.filters.http.health_check',
    typedConfig: any('envoy.extensions.filters.http.health_check.v3.HealthCheck', {
      passThroughMode: { value: false },
      headers: [{ name: ':path', stringMatch: { exact: readinessPath } }],
    }),
  };
  return httpListener('health', sidecarPorts.health, [filter, router], []);
}

/** `:15090/stats/prometheus`: that one page of the admin interface, GET only, for scrapers that reach the pod's address. */
export function metricsListener(): envoy.config.listener.v3.Listener {
  return httpListener(
    'metrics',
    sidecarPorts.metrics,
    [router],
    [
      {
        match: { path: metricsPath, headers: [{ name: ':method', stringMatch: { exact: 'GET' } }] },
        route: { cluster: metricsCluster, timeout: seconds(15) },
      },
    ],
  );
}

/** Envoy's own admin interface, for the metrics listener. */
export function metricsUpstream(): envoy.config.cluster.v3.Cluster {
  return {
    name: metricsCluster,
    type: envoy.config.cluster.v3.Cluster.DiscoveryType.STATIC,
    connectTimeout: seconds(0.25),
    loadAssignment: oneEndpoint(metricsCluster, '127.0.0.1', sidecarPorts.admin),
  };
}

/** A static listener on every address of the pod. */
export function httpListener(
  name: string,
  port: number,
  httpFilters: readonly HttpFilter[],
  routes: readonly envoy.config.route.v3.Route[],
): envoy.config.listener.v3.Listener {
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    statPrefix: name,
    codecType: envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType.AUTO,
    // These ports are open to whoever reaches the pod: nobody may hold their connections for long.
    commonHttpProtocolOptions: { idleTimeout: seconds(60) },
    requestHeadersTimeout: seconds(5),
    requestTimeout: seconds(5),
    streamIdleTimeout: seconds(20),
    httpFilters,
    routeConfig: { name, virtualHosts: [{ name, domains: ['*'], routes }] },
  });
  return {
    name,
    address: socketAddress('0.0.0.0', port),
    // Probes and scrapes must work exactly when connections are short.
    ignoreGlobalConnLimit: true,
    bypassOverloadManager: true,
    filterChains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typedConfig: manager }] }],
  };
}
