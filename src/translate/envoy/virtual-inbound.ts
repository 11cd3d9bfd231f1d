import { any, envoy } from '@envoyproxy/protos';
import type { Mesh } from '../../model/mesh.ts';
import type { MtlsMode } from '../../model/peer-authentication.ts';
import type { Resource } from '../../model/resource.ts';
import type { Protocol } from '../../model/service.ts';
import type { InboundPort } from '../policy/inbound.ts';
import { accessLogs } from './access-log.ts';
import { type ConnectionSettings, type InboundTarget, inboundHttp, tcpProxy } from './http-connection-manager.ts';
import { type ChainShape, inboundChains } from './inbound-chains.ts';
import { blackHoleCluster, inboundCluster, inboundPassthroughCluster, inboundPort, virtualInbound } from './names.ts';
import { resource } from './resource.ts';
import { seconds } from './sources.ts';
import { type TcpPolicy, tcpPolicyFilters } from './tcp-policy.ts';
import { downstreamMtls } from './tls.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Filter = envoy.config.listener.v3.Filter;
type ListenerFilter = envoy.config.listener.v3.ListenerFilter;
type Predicate = envoy.config.listener.v3.ListenerFilterChainMatchPredicate;

/** Everything that `virtualInbound` depends on. HTTP policy is not part of it: that arrives by ECDS. */
export interface VirtualInbound {
  readonly ports: readonly InboundPort[];
  readonly mode: MtlsMode;
  readonly extraPorts: readonly { readonly port: number; readonly mode: MtlsMode }[];
  /** Ports whose silent TCP connections end at another time than by default. */
  readonly idle: readonly { readonly port: number; readonly idleTimeoutMs: number }[];
  /** Policies as they hold on TCP: without HTTP-only fields. */
  readonly tcp: TcpPolicy;
  /** External authorizers that HTTP has a place for, by name. */
  readonly authorizers: readonly string[];
  readonly settings: ConnectionSettings;
  readonly trust: Pick<Mesh, 'trustDomain' | 'trustDomainAliases'>;
}

/**
 * The one listener that takes all intercepted inbound connections (behaviour.md 3). An edit of policy, or of a mode between
 * STRICT and PERMISSIVE, changes chains alone, each only with its own port's settings, so Envoy drains just those. A new
 * port, and a mode that becomes or was DISABLE, change what the inspectors look at, too: that drains all chains.
 */
export function virtualInboundListener(effective: VirtualInbound): Resource {
  const inbound = { ...effective, ports: others(effective.ports), extraPorts: others(effective.extraPorts) };
  const chain = chainBuilder(inbound);
  const passthrough = { target: { kind: 'passthrough' } as const, protocol: 'auto' as const };
  const filterChains: FilterChain[] = [
    {
      name: `${virtualInbound}-blackhole`,
      filterChainMatch: { destinationPort: { value: inboundPort } },
      filters: [tcpProxy(blackHoleCluster)],
    },
    ...chain({ ...passthrough, name: `${virtualInbound}-catchall`, port: undefined, mode: inbound.mode }),
    ...inbound.extraPorts.flatMap(({ port, mode }) =>
      chain({ ...passthrough, name: `${virtualInbound}-catchall_${port}`, port, mode }),
    ),
    ...inbound.ports.flatMap(({ port, servicePort, protocol, mode }) =>
      chain({ name: `0.0.0.0_${port}`, port, protocol, mode, target: { kind: 'service', port, servicePort } }),
    ),
  ];
  return resource('listener', virtualInbound, {
    name: virtualInbound,
    address: { socketAddress: { address: '0.0.0.0', portValue: inboundPort } },
    trafficDirection: envoy.config.core.v3.TrafficDirection.INBOUND,
    listenerFilters: listenerFilters(inbound),
    listenerFiltersTimeout: seconds(0),
    continueOnListenerFiltersTimeout: true,
    filterChains,
  });
}

/** Without the listener's own port: a chain to it would pass each connection on to itself. */
function others<T extends { readonly port: number }>(ports: readonly T[]): readonly T[] {
  return ports.filter(({ port }) => port !== inboundPort);
}

interface ChainGroup {
  readonly name: string;
  readonly port: number | undefined;
  readonly protocol: Protocol;
  readonly mode: MtlsMode;
  readonly target: InboundTarget;
}

function chainBuilder(inbound: VirtualInbound): (group: ChainGroup) => readonly FilterChain[] {
  const { tcp, trust, authorizers, settings, idle } = inbound;
  const policy = tcpPolicyFilters(tcp, trust);
  const accessLog = accessLogs('tcp', 'inbound', settings.accessLog);
  const sockets = { http: downstreamMtls('http', trust), tcp: downstreamMtls('tcp', trust) };
  const filters = (shape: ChainShape, target: InboundTarget): readonly Filter[] => {
    if (shape.content === 'http') return [inboundHttp(target, authorizers, settings)];
    const cluster = target.kind === 'service' ? inboundCluster(target.port) : inboundPassthroughCluster;
    const own = target.kind === 'service' ? idle.find(({ port }) => port === target.port) : undefined;
    const options = own && { idleTimeoutMs: own.idleTimeoutMs, hashAddress: false, tunnel: undefined };
    return [...policy, tcpProxy(cluster, cluster, accessLog, options)];
  };
  return ({ name, port, protocol, mode, target }) =>
    inboundChains(protocol, mode).map((shape) => ({
      name: `${name}-${shape.name}`,
      filterChainMatch: {
        ...(port === undefined ? {} : { destinationPort: { value: port } }),
        transportProtocol: shape.transport,
        applicationProtocols: shape.alpn,
      },
      filters: filters(shape, target),
      ...(shape.mtls ? { transportSocket: sockets[shape.content] } : {}),
    }));
}

/**
 * Where to look into the first bytes: for TLS wherever a mode needs it (on a DISABLE port an application's TLS must pass
 * unread), for HTTP wherever the protocol isn't declared. Sniffing a server-first protocol would wait for ever, so the
 * declared ports are left alone. The HTTP list depends on no mode: flipping STRICT to PERMISSIVE changes only chains.
 */
function listenerFilters({ ports, mode, extraPorts }: VirtualInbound): readonly ListenerFilter[] {
  const known = [...ports, ...extraPorts];
  const disabled = known.filter((each) => each.mode === 'DISABLE').map(({ port }) => port);
  const enabled = known.filter((each) => each.mode !== 'DISABLE').map(({ port }) => port);
  const declared = ports.filter(({ protocol }) => protocol !== 'auto').map(({ port }) => port);
  return [
    {
      name: 'envoy.filters.listener.original_dst',
      typedConfig: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
    },
    {
      name: 'envoy.filters.listener.tls_inspector',
      typedConfig: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
      filterDisabled: mode === 'DISABLE' ? notOn(enabled) : on([...disabled, inboundPort]),
    },
    {
      name: 'envoy.filters.listener.http_inspector',
      typedConfig: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
      filterDisabled: on([...declared, inboundPort]),
    },
  ];
}

/** True for these destination ports. */
function on(ports: readonly number[]): Predicate {
  const rules = [...new Set(ports)]
    .sort((a, b) => a - b)
    .map((port): Predicate => ({ destinationPortRange: { start: port, end: port + 1 } }));
  const [only] = rules;
  return rules.length === 1 && only !== undefined ? only : { orMatch: { rules } };
}

/** True for all destination ports but these. */
function notOn(ports: readonly number[]): Predicate {
  return ports.length === 0 ? { anyMatch: true } : { notMatch: on(ports) };
}
