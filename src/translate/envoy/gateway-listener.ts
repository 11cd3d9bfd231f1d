import { any, envoy } from '@envoyproxy/protos';
import type { GatewayTopology } from '../../model/gateway-topology.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import type { Mesh } from '../../model/mesh.ts';
import type { Resource } from '../../model/resource.ts';
import type { GatewayChain, GatewayListener } from '../policy/gateway.ts';
import { accessLogs } from './access-log.ts';
import type { ConnectionTarget } from './connection-routes.ts';
import { gatewayTls } from './gateway-tls.ts';
import { type ConnectionSettings, gatewayHttp, plainTcp, tcpProxy } from './http-connection-manager.ts';
import { addressRange } from './matcher.ts';
import { blackHoleCluster } from './names.ts';
import { resource } from './resource.ts';
import { type TcpPolicy, tcpPolicyFilters } from './tcp-policy.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Filter = envoy.config.listener.v3.Filter;
type ListenerFilter = envoy.config.listener.v3.ListenerFilter;

/** Where the connections of a server go that are passed on as bytes. */
export interface StreamRoute extends ConnectionTarget {
  /** Server names that it is for; empty: any. For bytes that show no server name it means nothing. */
  readonly serverNames: readonly string[];
  /** Addresses of clients that it is for; undefined: any. */
  readonly sourceSubnet: IpBlock | undefined;
}

/** Everything that a gateway's listener depends on. HTTP policy is not part of it: that arrives by ECDS. */
export interface GatewayListenerInput {
  readonly listener: GatewayListener;
  readonly topology: GatewayTopology;
  /** For each chain that passes bytes on: the TCP and TLS routes of VirtualServices for its server, first match first. */
  readonly streams: readonly (readonly StreamRoute[])[];
  /** Policies as they hold on TCP: without HTTP-only fields. */
  readonly tcp: TcpPolicy;
  /** External authorizers that HTTP has a place for, by name. */
  readonly authorizers: readonly string[];
  readonly settings: ConnectionSettings;
  readonly trust: Pick<Mesh, 'trustDomain' | 'trustDomainAliases'>;
}

/**
 * One port of a gateway. All that a change of servers, secrets and routes touches stands in filter chains, so that Envoy
 * drains only the chains that differ.
 */
export function gatewayListener(input: GatewayListenerInput): Resource {
  const { bind, port, chains } = input.listener;
  const name = bind.startsWith('unix://') ? bind.slice('unix://'.length) : `${bind === '' ? '0.0.0.0' : bind}_${port}`;
  const tls = chains.some(({ serverNames }) => serverNames !== undefined);
  return resource('listener', name, {
    name,
    address: addressOf(bind, port),
    trafficDirection: envoy.config.core.v3.TrafficDirection.INBOUND,
    listenerFilters: listenerFilters(tls, input.topology),
    // A stranger that reads slowly must not make this process remember much for it.
    perConnectionBufferLimitBytes: { value: 32_768 },
    filterChains: withoutClashes(
      chains.flatMap((chain, index) => filterChains(chain, input.streams[index] ?? [], input)),
    ),
  });
}

function addressOf(bind: string, port: number): envoy.config.core.v3.Address {
  if (bind.startsWith('unix://')) return { pipe: { path: bind.slice('unix://'.length) } };
  return { socketAddress: { address: bind === '' ? '0.0.0.0' : bind, portValue: port } };
}

/** The PROXY header comes before everything else. Server names are read only where some server speaks TLS. */
function listenerFilters(tls: boolean, { proxyProtocol }: GatewayTopology): readonly ListenerFilter[] {
  const proxy: ListenerFilter = {
    name: 'envoy.filters.listener.proxy_protocol',
    typedConfig: any('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {}),
  };
  const inspector: ListenerFilter = {
    name: 'envoy.filters.listener.tls_inspector',
    typedConfig: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
  };
  return [...(proxyProtocol ? [proxy] : []), ...(tls ? [inspector] : [])];
}

function filterChains(
  chain: GatewayChain,
  streams: readonly StreamRoute[],
  input: GatewayListenerInput,
): readonly FilterChain[] {
  const { content, tls, serverNames } = chain;
  const socket = (of: 'http' | 'tcp') => (tls === undefined ? {} : { transportSocket: gatewayTls(tls, of) });
  switch (content.kind) {
    case 'http': {
      const { authorizers, settings, topology } = input;
      const http = gatewayHttp({ routes: content.routes, topology, authorizers, settings });
      return [{ ...shell(chain.name, serverNames), filters: [http], ...socket('http') }];
    }
    case 'tcp':
      return [
        ...streams.map((route, index) => ({
          ...shell(route.sourceSubnet === undefined ? chain.name : `${chain.name}.${index}`, serverNames, route),
          filters: stream(chain.name, route, input),
          ...socket('tcp'),
        })),
        { ...shell(chain.name, serverNames), filters: closed, ...socket('tcp') },
      ];
    case 'passthrough':
      return [
        ...streams.map((route, index) => ({
          ...shell(`${chain.name}.${index}`, route.serverNames, route),
          filters: stream(chain.name, route, input),
        })),
        // Names that no route has must not fall through to another server.
        { ...shell(chain.name, serverNames), filters: closed },
      ];
    case 'refused':
      return [{ ...shell(chain.name, serverNames), filters: closed }];
  }
}

/** A cluster without endpoints: the connection is closed before a byte is read. */
const closed: readonly Filter[] = [tcpProxy(blackHoleCluster)];

function shell(
  name: string,
  serverNames: readonly string[] | undefined,
  { sourceSubnet }: Partial<Pick<StreamRoute, 'sourceSubnet'>> = {},
): Pick<FilterChain, 'name' | 'filterChainMatch'> {
  const from = sourceSubnet === undefined ? {} : { sourcePrefixRanges: [addressRange(sourceSubnet)] };
  return serverNames === undefined
    ? { name, filterChainMatch: from }
    : { name, filterChainMatch: { transportProtocol: 'tls', serverNames, ...from } };
}

function stream(statPrefix: string, { clusters, tunnel }: StreamRoute, input: GatewayListenerInput): readonly Filter[] {
  const logs = accessLogs('tcp', 'inbound', input.settings.accessLog);
  const policy = tcpPolicyFilters(input.tcp, input.trust);
  if (clusters.length === 0) return closed;
  return [...policy, tcpProxy(clusters, statPrefix, logs, { ...plainTcp, tunnel })];
}

/** Envoy refuses a listener of which two chains match the same, so each server name stays with the first that has it. */
function withoutClashes(chains: readonly FilterChain[]): readonly FilterChain[] {
  const taken = new Set<string>();
  return chains.flatMap((chain) => {
    const { serverNames = [], ...rest } = chain.filterChainMatch ?? {};
    const wanted = serverNames.length === 0 ? [''] : serverNames;
    const key = (name: string): string => JSON.stringify([name, rest]);
    const free = wanted.filter((name) => !taken.has(key(name)));
    for (const name of free) taken.add(key(name));
    if (free.length === 0) return [];
    const match = { ...chain.filterChainMatch, ...(serverNames.length === 0 ? {} : { serverNames: free }) };
    return [{ ...chain, filterChainMatch: match }];
  });
}
