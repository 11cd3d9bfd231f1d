import { any, envoy } from '@envoyproxy/protos';
import type { Mesh } from '../../model/mesh.ts';
import type { Resource } from '../../model/resource.ts';
import { accessLogs } from './access-log.ts';
import { plainHttp } from './alpn.ts';
import {
  type ConnectionSettings,
  httpAlpnFilter,
  outboundHttp,
  type TcpOptions,
  tcpProxy,
} from './http-connection-manager.ts';
import {
  blackHoleCluster,
  outboundCluster,
  outboundListener,
  outboundPort,
  passthroughCluster,
  routeOfPort,
  routeOfService,
  virtualOutbound,
} from './names.ts';
import { resource } from './resource.ts';
import { seconds } from './sources.ts';

type Listener = envoy.config.listener.v3.Listener;

const outbound = envoy.config.core.v3.TrafficDirection.OUTBOUND;

/** Hands each intercepted outbound connection to the listener of its original destination; the rest passes or ends. */
export function virtualOutboundListener({
  policy,
  settings,
}: {
  readonly policy: Mesh['outboundTrafficPolicy'];
  readonly settings: ConnectionSettings;
}): Resource {
  const unknown = policy === 'ALLOW_ANY' ? passthroughCluster : blackHoleCluster;
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

/** Everything that the listener of one port of one service depends on. */
export interface ServiceListener {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly settings: ConnectionSettings;
  readonly tcp: TcpOptions;
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
}: Omit<ServiceListener, 'markHttp'>): Resource {
  const name = outboundListener(address, port);
  return resource('listener', name, {
    ...outboundShell(name, address, port),
    filterChains: [{ filters: [tcpProxy(outboundCluster(port, host), 'outbound', tcpLogs(settings), tcp)] }],
  });
}

/** A port whose protocol isn't declared, by the service's address: plaintext HTTP is routed, the rest is TCP. */
export function sniffedServiceListener({ address, port, host, settings, tcp, markHttp }: ServiceListener): Resource {
  const filters = markHttp ? [httpAlpnFilter] : [];
  const name = outboundListener(address, port);
  return resource('listener', name, {
    ...outboundShell(name, address, port),
    listenerFilters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typedConfig: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
      },
      {
        name: 'envoy.filters.listener.http_inspector',
        typedConfig: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
      },
    ],
    listenerFiltersTimeout: seconds(0),
    continueOnListenerFiltersTimeout: true,
    filterChains: [
      {
        filterChainMatch: { transportProtocol: 'raw_buffer', applicationProtocols: plainHttp },
        filters: [outboundHttp(routeOfService(host, port), `outbound_${name}`, settings, filters)],
      },
    ],
    defaultFilterChain: {
      name: 'tcp',
      filters: [tcpProxy(outboundCluster(port, host), 'outbound', tcpLogs(settings), tcp)],
    },
  });
}

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
