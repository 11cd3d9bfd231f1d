import { envoy, fromJson, toJson } from '@envoyproxy/protos';
import type { ProxyKind } from '../model/proxy.ts';
import type { AppProbe } from './app-probe.ts';
import { healthListener, metricsListener, metricsUpstream } from './bootstrap-listeners.ts';
import { type BootstrapWorkload, bootstrapNode } from './bootstrap-node.ts';
import { probeResources, probeStatistics } from './bootstrap-probes.ts';
import { seconds, socketAddress, typedStruct } from './bootstrap-values.ts';
import { type ControlPlane, controlPlaneCluster, xdsCluster } from './bootstrap-xds-cluster.ts';
import { sidecarPorts } from './ports.ts';

export interface BootstrapOptions {
  readonly workload: BootstrapWorkload;
  readonly controlPlane: ControlPlane;
  /** `delta`: only what changed travels. `sotw`: for comparison and for tests. */
  readonly xds: 'delta' | 'sotw';
  /** `trimmed`: what shows the health of mesh traffic; a fifth of the memory that all statistics of a large mesh take. */
  readonly stats: 'full' | 'trimmed';
  /** What the kubelet asks of the app through the sidecar. */
  readonly probes?: readonly AppProbe[];
}

/** Connections to a sidecar beyond this are refused, so that a flood ends before memory does. */
const maxConnections = 50_000;

/**
 * The bootstrap of a stock Envoy beside a workload, as a JSON object that `envoy -c` takes. Pure: equal options give
 * equal text. It names the two files with root and token, and holds neither key nor token.
 */
export function bootstrap(options: BootstrapOptions): unknown {
  return toJson('envoy.config.bootstrap.v3.Bootstrap', bootstrapMessage(options), { protoNames: true });
}

function bootstrapMessage({
  workload,
  controlPlane,
  xds,
  stats,
  probes = [],
}: BootstrapOptions): envoy.config.bootstrap.v3.Bootstrap {
  const forProbes = probeResources(probes, workload.addresses);
  return {
    node: bootstrapNode(workload),
    admin: {
      address: socketAddress('127.0.0.1', sidecarPorts.admin),
      profilePath: '/dev/null',
      ignoreGlobalConnLimit: true,
    },
    dynamicResources: dynamicResources(xds),
    staticResources: {
      listeners: [healthListener(), metricsListener(), ...forProbes.listeners],
      clusters: [controlPlaneCluster(controlPlane), metricsUpstream(), ...forProbes.clusters],
    },
    layeredRuntime: { layers: [runtimeLayer()] },
    overloadManager: overloadManager(),
    ...(stats === 'full' ? {} : { statsConfig: trimmedStats(workload.kind, probes.length > 0) }),
  };
}

function dynamicResources(xds: BootstrapOptions['xds']): envoy.config.bootstrap.v3.Bootstrap.DynamicResources {
  const { ApiType } = envoy.config.core.v3.ApiConfigSource;
  const { V3 } = envoy.config.core.v3.ApiVersion;
  // No timeout: an Envoy that gave up waiting would open its listeners half configured.
  const overAds = { ads: {}, initialFetchTimeout: seconds(0), resourceApiVersion: V3 };
  return {
    adsConfig: {
      apiType: xds === 'delta' ? ApiType.DELTA_GRPC : ApiType.GRPC,
      transportApiVersion: V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [
        {
          envoyGrpc: {
            clusterName: xdsCluster,
            // Back soon after a restart of the control plane; spread out, as the delay is drawn anew each time.
            retryPolicy: { retryBackOff: { baseInterval: seconds(0.25), maxInterval: seconds(10) } },
          },
        },
      ],
    },
    cdsConfig: overAds,
    ldsConfig: overAds,
  };
}

/**
 * One fixed layer, no admin layer: a workload reaches its own sidecar's admin port, and must not change it at run time.
 * The limit of regular expressions is what policies of Istio's documents are written for; Envoy's default of 100 refuses
 * ordinary ones.
 */
function runtimeLayer(): envoy.config.bootstrap.v3.RuntimeLayer {
  return {
    name: 'coxswain',
    staticLayer: fromJson('google.protobuf.Struct', { 're2.max_program_size.error_level': 32_768 }),
  };
}

function overloadManager(): envoy.config.overload.v3.OverloadManager {
  return {
    resourceMonitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typedConfig: typedStruct(
          'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          { max_active_downstream_connections: maxConnections },
        ),
      },
    ],
  };
}

/** What is left of the statistics: the server's state, listeners, TLS, RBAC and HTTP in front, the control plane behind. */
function trimmedStats(kind: ProxyKind, probes: boolean): envoy.config.metrics.v3.StatsConfig {
  const prefixes = [
    'cluster.xds-grpc.',
    'control_plane.',
    'cluster_manager.',
    'listener_manager.',
    'listener.',
    'server.',
    // Where Envoy 1.36 counts what discovered filters decide.
    'extension_config_discovery.',
  ];
  // Of a router, all that comes in counts; of a sidecar, what its app is sent.
  const inbound =
    kind === 'router'
      ? ['http.', 'tcp.', 'rbac.']
      : ['http.inbound', 'tcp.inbound', 'http.rbac', 'rbac.', 'tcp.rbac.', 'http.virtual', 'tcp.virtual'];
  return {
    statsMatcher: {
      inclusionList: {
        patterns: [
          ...[...prefixes, ...inbound].map((prefix) => ({ prefix })),
          ...(probes ? [{ safeRegex: { regex: probeStatistics } }] : []),
        ],
      },
    },
  };
}
