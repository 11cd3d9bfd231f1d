import { any, envoy } from '@envoyproxy/protos';
import type { Resource } from '../../model/resource.ts';
import type { Tunnel } from '../../model/traffic-policy.ts';
import { accessLogs } from './access-log.ts';
import { plainHttp } from './alpn.ts';
import { type ConnectionTarget, connectionMatch, matchesAny, type TcpRoute } from './connection-routes.ts';
import {
  type ConnectionSettings,
  httpAlpnFilter,
  outboundHttp,
  plainTcp,
  type TcpOptions,
  tcpProxy,
} from './http-connection-manager.ts';
import {
  blackHoleCluster,
  outboundCluster,
  outboundListener,
  outboundPort,
  routeOfPort,
  routeOfService,
  virtualOutbound,
} from './names.ts';
import { resource } from './resource.ts';
import { seconds } from './sources.ts';

type Listener = envoy.config.listener.v3.Listener;

const outbound = envoy.config.core.v3.TrafficDirection.OUTBOUND;
const local = envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType.SAME_IP_OR_LOOPBACK;

/** Hands each intercepted outbound connection to the listener of its original destination; the rest passes or ends. */
export function virtualOutboundListener({
  unknown,
  settings,
}: {
  /** The cluster for what no service is known of. */
  readonly unknown: string;
  readonly settings: ConnectionSettings;
}): Resource {
  return resource('listener', virtualOutbound, {
    name: virtualOutbound,
    address: { socketAddress: { address: '0.0.0.0', portValue: outboundPort } },
    trafficDirection: outbound,
    useOriginalDst: { value: true },
    filterChains: [
      {
        name: `${virtualOutbound}-blackhole`,
        filterChainMatch: { destinationPort: { value: outboundPort } },
        filters: [tcpProxy(blackHoleCluster)],
      },
      {
        name: `${virtualOutbound}-catchall-tcp`,
        filters: [tcpProxy(unknown, unknown, tcpLogs(settings))],
      },
    ],
  });
}

/** HTTP of one port, to whatever address: the Host decides. */
export function httpPortListener({
  port,
  settings,
}: {
  readonly port: number;
  readonly settings: ConnectionSettings;
}): Resource {
  const name = outboundListener('0.0.0.0', port);
  return resource('listener', name, {
    ...outboundShell(name, '0.0.0.0', port),
    filterChains: [{ filters: [outboundHttp(routeOfPort(port), `outbound_${name}`, settings)] }],
  });
}

/** A port that applications connect to themselves: nothing is intercepted for it (behaviour.md 4.2). */
export interface BoundListener {
  readonly address: string;
  readonly port: number;
  /** HTTP goes by Host to services that have this port; all else to the one named here, or nowhere. */
  readonly to:
    | { readonly kind: 'http' }
    | { readonly kind: 'tcp'; readonly host: string | undefined; readonly tunnel: Tunnel | undefined };
  readonly settings: ConnectionSettings;
}

/** For the pod alone: whoever else came through would speak with the identity of its workload. */
export function boundListener({ address, port, to, settings }: BoundListener): Resource {
  const name = outboundListener(address, port);
  const cluster = to.kind === 'http' || to.host === undefined ? blackHoleCluster : outboundCluster(port, to.host);
  const filter =
    to.kind === 'http'
      ? outboundHttp(routeOfPort(port), `outbound_${name}`, settings)
      : tcpProxy(cluster, 'outbound', tcpLogs(settings), { ...plainTcp, tunnel: to.tunnel });
  return resource('listener', name, {
    name,
    address: { socketAddress: { address, portValue: port } },
    trafficDirection: outbound,
    filterChains: [{ filterChainMatch: { sourceType: local }, filters: [filter] }],
  });
}

/** Everything that the listener of one port of one service depends on. */
export interface ServiceListener {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly settings: ConnectionSettings;
  readonly tcp: TcpOptions;
  /** What a VirtualService has for connections here; what none matches goes to the service. */
  readonly routes: readonly TcpRoute[];
  /** HTTP in mesh mTLS must be marked for the server; other TLS servers don't know the mark. */
  readonly markHttp: boolean;
}

/** A TCP port of one service, by the service's address. */
export function tcpServiceListener({
  address,
  port,
  host,
  settings,
  tcp,
  routes,
}: Omit<ServiceListener, 'markHttp'>): Resource {
  const name = outboundListener(address, port);
  const { chains, rest, byName } = tcpChains({ port, host, settings, tcp, routes });
  return resource('listener', name, {
    ...outboundShell(name, address, port),
    ...(byName ? { listenerFilters: [tlsInspector], ...unhurried } : {}),
    filterChains: [...chains, { filters: rest }],
  });
}

/** The chains of connections that aren't HTTP: those that a route tells from others, and what the rest goes through. */
function tcpChains({ port, host, settings, tcp, routes }: Omit<ServiceListener, 'markHttp' | 'address'>) {
  const proxy = ({ clusters, tunnel }: ConnectionTarget) => [
    tcpProxy(clusters, 'outbound', tcpLogs(settings), { ...tcp, tunnel }),
  ];
  const told = routes.filter(({ match }) => !matchesAny(match));
  const all = routes.find(({ match }) => matchesAny(match));
  return {
    chains: told.map(({ match, ...to }, index) => ({
      name: `route.${index}`,
      filterChainMatch: connectionMatch(match),
      filters: proxy(to),
    })),
    rest: proxy(all ?? { clusters: [{ name: outboundCluster(port, host), weight: 1 }], tunnel: tcp.tunnel }),
    byName: told.some(({ match }) => match.sniHost !== undefined),
  };
}

/** A port whose protocol isn't declared, by the service's address: plaintext HTTP is routed, the rest is TCP. */
export function sniffedServiceListener({
  address,
  port,
  host,
  settings,
  tcp,
  routes,
  markHttp,
}: ServiceListener): Resource {
  const { chains, rest } = tcpChains({ port, host, settings, tcp, routes });
  const filters = markHttp ? [httpAlpnFilter] : [];
  const name = outboundListener(address, port);
  return resource('listener', name, {
    ...outboundShell(name, address, port),
    listenerFilters: [tlsInspector, httpInspector],
    ...unhurried,
    filterChains: [
      {
        filterChainMatch: { transportProtocol: 'raw_buffer', applicationProtocols: plainHttp },
        filters: [outboundHttp(routeOfService(host, port), `outbound_${name}`, settings, filters)],
      },
      ...chains,
    ],
    defaultFilterChain: { name: 'tcp', filters: rest },
  });
}

export const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typedConfig: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
};
export const httpInspector = {
  name: 'envoy.filters.listener.http_inspector',
  typedConfig: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
};
/** A client that waits for the server to speak first must not wait for an inspector, or be cut off by it. */
export const unhurried = { listenerFiltersTimeout: seconds(0), continueOnListenerFiltersTimeout: true } as const;

const tcpLogs = (settings: ConnectionSettings) => accessLogs('tcp', 'outbound', settings.accessLog);

/** Not bound: reached only through `virtualOutbound`. */
export function outboundShell(name: string, address: string, port: number) {
  return {
    name,
    address: { socketAddress: { address, portValue: port } },
    trafficDirection: outbound,
    bindToPort: { value: false },
  } as const satisfies Listener;
}
