import { any, envoy, type TypeName, typeUrl } from '@envoyproxy/protos';
import type { ForwardClientCert, GatewayTopology } from '../../model/gateway-topology.ts';
import type { Mesh } from '../../model/mesh.ts';
import type { Tunnel } from '../../model/traffic-policy.ts';
import { accessLogs } from './access-log.ts';
import type { WeightedCluster } from './connection-routes.ts';
import {
  customAuthorizeFilter,
  customMatchFilter,
  inboundCluster,
  inboundPassthroughCluster,
  jwtFilter,
  rbacAllowFilter,
  rbacAuditFilter,
  rbacDenyFilter,
} from './names.ts';
import { dormantRouteFilters, routeFilters } from './route-filters.ts';
import { ads, adsWithTimeout, milliseconds, seconds } from './sources.ts';

type NetworkFilter = envoy.config.listener.v3.Filter;
type AccessLog = envoy.config.accesslog.v3.AccessLog;
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
function discovered(name: string, ...types: readonly TypeName[]): HttpFilter {
  return { name, configDiscovery: { configSource: adsWithTimeout, typeUrls: types.map(typeUrl) } };
}

const rbac = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const extAuthz = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
const jwtAuthn = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';

/**
 * The policy filters of every chain that strangers reach, in order: external authorizers, tokens, then what our own policies say (behaviour.md
 * 1.3, HTTP filter order). The slot of an authorizer that isn't needed holds an empty RBAC filter, which lets all pass.
 */
function policyFilters(authorizers: readonly string[]): readonly HttpFilter[] {
  return [
    ...authorizers.flatMap((provider) => [
      discovered(customMatchFilter(provider), rbac),
      discovered(customAuthorizeFilter(provider), extAuthz, rbac),
    ]),
    discovered(jwtFilter, jwtAuthn),
    discovered(rbacAuditFilter, rbac),
    discovered(rbacDenyFilter, rbac),
    discovered(rbacAllowFilter, rbac),
  ];
}

/** Mesh settings that every connection manager depends on. */
export type ConnectionSettings = Pick<Mesh, 'pathNormalization' | 'accessLog' | 'explainDenials'>;

export const connectionSettings = ({ pathNormalization, accessLog, explainDenials }: Mesh): ConnectionSettings => ({
  pathNormalization,
  accessLog,
  explainDenials,
});

/** What policies, routes and the application see of a path: all of them the same (behaviour.md 3.5). */
function normalization(mode: ConnectionSettings['pathNormalization']) {
  const { PathWithEscapedSlashesAction } =
    envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
  return {
    normalizePath: { value: mode !== 'NONE' },
    ...(mode === 'MERGE_SLASHES' || mode === 'DECODE_AND_MERGE_SLASHES' ? { mergeSlashes: true } : {}),
    pathWithEscapedSlashesAction:
      mode === 'DECODE_AND_MERGE_SLASHES'
        ? PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD
        : PathWithEscapedSlashesAction.KEEP_UNCHANGED,
  };
}

/** Puts the name of the policy behind `RBAC: access denied`, where the mesh's callers may know. */
const explainedDenials = {
  localReplyConfig: {
    mappers: [
      {
        filter: {
          extensionFilter: {
            name: 'envoy.access_loggers.extension_filters.cel',
            typedConfig: any('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
              expression: "response.code_details.startsWith('rbac_access_denied')",
            }),
          },
        },
        bodyFormatOverride: {
          textFormatSource: { inlineString: '%LOCAL_REPLY_BODY% (%RESPONSE_CODE_DETAILS%)' },
        },
      },
    ],
  },
};

/** The target port of a service, or the passthrough of all ports that none names. */
export type InboundTarget =
  | { readonly kind: 'service'; readonly port: number; readonly servicePort: number }
  | { readonly kind: 'passthrough' };

/** HTTP on the way in: policy, then the application (behaviour.md 3.5). Routes are inline: they never change alone. */
export function inboundHttp(
  target: InboundTarget,
  authorizers: readonly string[],
  settings: ConnectionSettings,
): NetworkFilter {
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
      httpFilters: [...policyFilters(authorizers), router],
      accessLog: accessLogs('http', 'inbound', settings.accessLog),
      ...(settings.explainDenials ? explainedDenials : {}),
      serverName: 'istio-envoy',
      useRemoteAddress: { value: false },
      forwardClientCertDetails: ForwardClientCertDetails.APPEND_FORWARD,
      setCurrentClientCertDetails: { subject: { value: true }, dns: true, uri: true },
      ...normalization(settings.pathNormalization),
      // `admin.example.` is the same host: a rule on `admin.example` must hold for it.
      stripTrailingHostDot: true,
      streamIdleTimeout: seconds(0),
      upgradeConfigs: [{ upgradeType: 'websocket' }],
    }),
  };
}

const forwardDetails = {
  SANITIZE: ForwardClientCertDetails.SANITIZE,
  FORWARD_ONLY: ForwardClientCertDetails.FORWARD_ONLY,
  APPEND_FORWARD: ForwardClientCertDetails.APPEND_FORWARD,
  SANITIZE_SET: ForwardClientCertDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: ForwardClientCertDetails.ALWAYS_FORWARD_ONLY,
} as const satisfies Readonly<Record<ForwardClientCert, unknown>>;

/** A route configuration at the edge, and how far what a request says of its way is believed. */
export interface EdgeHttp {
  readonly routes: string;
  /** Only TLS has a client certificate that could be described. */
  readonly topology: GatewayTopology;
  readonly authorizers: readonly string[];
  readonly settings: ConnectionSettings;
}

/**
 * HTTP at the edge (behaviour.md 5.4): policies as on sidecars, then routes. The client is a stranger, so its address is
 * taken from the connection, and what it says about certificates is replaced.
 */
export function gatewayHttp({ routes, topology, authorizers, settings }: EdgeHttp): NetworkFilter {
  const { numTrustedProxies, forwardClientCert } = topology;
  const describes = forwardClientCert === 'SANITIZE_SET' || forwardClientCert === 'APPEND_FORWARD';
  return {
    name: managerName,
    typedConfig: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      statPrefix: routes,
      rds: { configSource: ads, routeConfigName: routes },
      httpFilters: [...policyFilters(authorizers), ...routeFilters, router],
      accessLog: accessLogs('http', 'inbound', settings.accessLog),
      ...(settings.explainDenials ? explainedDenials : {}),
      serverName: 'istio-envoy',
      useRemoteAddress: { value: true },
      xffNumTrustedHops: numTrustedProxies,
      forwardClientCertDetails: forwardDetails[forwardClientCert],
      ...(describes
        ? { setCurrentClientCertDetails: { subject: { value: true }, cert: true, dns: true, uri: true } }
        : {}),
      ...normalization(settings.pathNormalization),
      stripTrailingHostDot: true,
      streamIdleTimeout: seconds(0),
      // A stranger may hold a connection open, but must finish a request's headers.
      requestHeadersTimeout: seconds(30),
      http2ProtocolOptions: { maxConcurrentStreams: { value: 100 } },
      upgradeConfigs: [{ upgradeType: 'websocket' }],
    }),
  };
}

/** HTTP on the way out: routed by Host over the route configuration of that name (behaviour.md 4.2). */
export function outboundHttp(
  routeName: string,
  statPrefix: string,
  settings: ConnectionSettings,
  extraFilters: readonly HttpFilter[] = [],
): NetworkFilter {
  return {
    name: managerName,
    typedConfig: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      statPrefix,
      rds: { configSource: ads, routeConfigName: routeName },
      httpFilters: [...extraFilters, ...dormantRouteFilters, router],
      accessLog: accessLogs('http', 'outbound', settings.accessLog),
      stripTrailingHostDot: true,
      useRemoteAddress: { value: false },
      ...normalization(settings.pathNormalization),
      streamIdleTimeout: seconds(0),
      upgradeConfigs: [{ upgradeType: 'websocket' }],
    }),
  };
}

/** What a traffic policy says about TCP connections that a cluster can't hold. */
export interface TcpOptions {
  readonly idleTimeoutMs: number | undefined;
  /** Whether the client's address chooses the endpoint. */
  readonly hashAddress: boolean;
  readonly tunnel: Tunnel | undefined;
}

export const plainTcp: TcpOptions = { idleTimeoutMs: undefined, hashAddress: false, tunnel: undefined };

/** Bytes as they are, to one cluster or, by their shares, to several. */
export function tcpProxy(
  to: string | readonly WeightedCluster[],
  statPrefix = typeof to === 'string' ? to : '',
  accessLog: readonly AccessLog[] = [],
  { idleTimeoutMs, hashAddress, tunnel }: TcpOptions = plainTcp,
): NetworkFilter {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typedConfig: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      statPrefix,
      ...target(to),
      accessLog,
      ...(idleTimeoutMs === undefined ? {} : { idleTimeout: milliseconds(idleTimeoutMs) }),
      ...(hashAddress ? { hashPolicy: [{ sourceIp: {} }] } : {}),
      // What we write there holds no `%`, with which Envoy would begin a command.
      ...(tunnel === undefined ? {} : { tunnelingConfig: { hostname: tunnel.target } }),
    }),
  };
}

function target(to: string | readonly WeightedCluster[]) {
  if (typeof to === 'string') return { cluster: to };
  const [first, ...others] = to;
  if (first !== undefined && others.length === 0) return { cluster: first.name };
  return { weightedClusters: { clusters: to.map(({ name, weight }) => ({ name, weight })) } };
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
