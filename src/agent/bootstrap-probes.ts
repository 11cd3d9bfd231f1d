import { isIPv4 } from 'node:net';
import { any, envoy } from '@envoyproxy/protos';
import { assertNever } from '../lib/assert-never.ts';
import { type AppProbe, appProbePort, type ProbePace } from './app-probe.ts';
import { type HttpFilter, httpListener, router } from './bootstrap-listeners.ts';
import { oneEndpoint, seconds } from './bootstrap-values.ts';

type Cluster = envoy.config.cluster.v3.Cluster;
type Route = envoy.config.route.v3.Route;
type Probe<K extends AppProbe['kind']> = Extract<AppProbe, { readonly kind: K }>;

/** What a bootstrap has for the probes of its app. */
export interface ProbeResources {
  readonly listeners: readonly envoy.config.listener.v3.Listener[];
  readonly clusters: readonly Cluster[];
}

/** The gauges that the health_check filter reads: statistics that are trimmed away would count no host at all, and so fail. */
export const probeStatistics = String.raw`cluster\.app-probe-.*\.membership_.*`;

/** Source of the sidecar's connections to its own app: interception lets it by before anything else (interception.ts). */
const passthroughSource = '127.0.0.6';

/**
 * The listener on port 15020 that answers the kubelet for the app, and the clusters behind it. An HTTP probe is a route to the
 * one path of the app that it names. Envoy asks TCP and gRPC itself, again and again, and the filter tells what it found
 * last; a host that was never asked counts as down. All other paths are 404: the port is open to whoever reaches the pod, and
 * isn't intercepted. Nothing at all where there are no probes.
 */
export function probeResources(probes: readonly AppProbe[], addresses: readonly [string, ...string[]]): ProbeResources {
  if (probes.length === 0) return { listeners: [], clusters: [] };
  const address = addresses.find((each) => isIPv4(each)) ?? addresses[0];
  const clusters = new Map<string, Cluster>();
  const filters: HttpFilter[] = [];
  const routes: Route[] = [];
  for (const probe of probes) {
    const cluster = clusterOf(probe, address);
    clusters.set(cluster.name ?? '', cluster);
    if (probe.kind === 'http') routes.push(routeOf(probe, cluster.name ?? '', address));
    else filters.push(filterOf(probe, cluster.name ?? ''));
  }
  return {
    listeners: [httpListener('app-probes', appProbePort, [...filters, router], routes)],
    clusters: [...clusters.values()],
  };
}

function clusterOf(probe: AppProbe, address: string): Cluster {
  switch (probe.kind) {
    case 'http':
      return {
        ...upstream(`app-probe-http${probe.tls ? 's' : ''}-${probe.port}`, address, probe.port),
        // A connection of its own for each, as the kubelet does it: a kept one may end under a request.
        ...httpProtocol({
          commonHttpProtocolOptions: { maxRequestsPerConnection: { value: 1 } },
          explicitHttpConfig: { httpProtocolOptions: {} },
        }),
        ...(probe.tls ? { transportSocket: unverifiedTls() } : {}),
      };
    case 'tcp':
      return {
        ...upstream(`app-probe-tcp${slug(probe.path)}`, address, probe.port),
        healthChecks: [{ ...pace(probe.pace), tcpHealthCheck: {} }],
      };
    case 'grpc':
      return {
        ...upstream(`app-probe-grpc${slug(probe.path)}`, address, probe.port),
        ...httpProtocol({ explicitHttpConfig: { http2ProtocolOptions: {} } }),
        healthChecks: [
          {
            ...pace(probe.pace),
            grpcHealthCheck: { serviceName: probe.service, authority: authority(address, probe.port) },
          },
        ],
      };
    default:
      return assertNever(probe);
  }
}

/** To the app at its pod address, as the kubelet calls it: an app may listen there alone. */
function upstream(name: string, address: string, port: number): Cluster & { readonly name: string } {
  return {
    name,
    type: envoy.config.cluster.v3.Cluster.DiscoveryType.STATIC,
    connectTimeout: seconds(5),
    loadAssignment: oneEndpoint(name, isIPv4(address) ? address : '::1', port),
    // IPv6 has no such range on loopback; there ::1 itself passes.
    ...(isIPv4(address) ? { upstreamBindConfig: { sourceAddress: { address: passthroughSource, portValue: 0 } } } : {}),
  };
}

function routeOf(probe: Probe<'http'>, cluster: string, address: string): Route {
  return {
    match: {
      path: probe.path,
      headers: [
        { name: ':method', stringMatch: { exact: 'GET' } },
        // The route's own match leaves a query out of account, and would hand it to the app.
        { name: ':path', stringMatch: { exact: probe.path } },
      ],
    },
    route: {
      cluster,
      prefixRewrite: probe.target,
      hostRewriteLiteral: probe.host ?? authority(address, probe.port),
      timeout: seconds(probe.timeoutSeconds),
      idleTimeout: seconds(probe.timeoutSeconds + 1),
    },
    // A redirect counts as success. Followed, it would lead to a path that isn't served here.
    responseHeadersToRemove: ['location'],
  };
}

function filterOf(probe: Probe<'tcp' | 'grpc'>, cluster: string): HttpFilter {
  return {
    name: cluster,
    typedConfig: any('envoy.extensions.filters.http.health_check.v3.HealthCheck', {
      passThroughMode: { value: false },
      headers: [{ name: ':path', stringMatch: { exact: probe.path } }],
      clusterMinHealthyPercentages: { [cluster]: { value: 100 } },
    }),
  };
}

/** As fresh as two questions within the kubelet's period; every second while the app is down, so that a start isn't late. */
function pace({ timeoutSeconds, periodSeconds }: ProbePace) {
  const whenUp = seconds(Math.min(5, Math.max(1, periodSeconds / 2)));
  const whenDown = seconds(1);
  return {
    timeout: seconds(timeoutSeconds),
    interval: whenUp,
    noTrafficInterval: whenDown,
    noTrafficHealthyInterval: whenUp,
    unhealthyInterval: whenDown,
    healthyThreshold: { value: 1 },
    unhealthyThreshold: { value: 1 },
    reuseConnection: { value: false },
  };
}

function httpProtocol(
  options: envoy.extensions.upstreams.http.v3.HttpProtocolOptions,
): Pick<Cluster, 'typedExtensionProtocolOptions'> {
  const type = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { typedExtensionProtocolOptions: { [type]: any(type, options) } };
}

/** The kubelet verifies no certificate of a probe either. */
function unverifiedTls(): envoy.config.core.v3.TransportSocket {
  const { TlsProtocol } = envoy.extensions.transport_sockets.tls.v3.TlsParameters;
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      commonTlsContext: { tlsParams: { tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 } },
    }),
  };
}

function authority(address: string, port: number): string {
  return isIPv4(address) ? `${address}:${port}` : `[${address}]:${port}`;
}

/** `/app-health/web/readyz` as part of a name. */
function slug(path: string): string {
  return path.replace(/^\/app-(?:health|lifecycle)/, '').replaceAll('/', '-');
}
