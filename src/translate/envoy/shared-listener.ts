import { any, type envoy } from '@envoyproxy/protos';
import { type IpBlock, ipBlockText } from '../../model/ip-block.ts';
import type { Resource } from '../../model/resource.ts';
import { accessLogs } from './access-log.ts';
import { plainHttp } from './alpn.ts';
import { type ConnectionSettings, outboundHttp, type TcpOptions, tcpProxy } from './http-connection-manager.ts';
import { blackHoleCluster, outboundCluster, outboundListener, passthroughCluster, routeOfPort } from './names.ts';
import { outboundShell } from './outbound-listener.ts';
import { resource } from './resource.ts';
import { seconds } from './sources.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;

/** What tells connections to a service that has no address of its own from all others to its port. */
export type PortMatch =
  /** The server name of TLS. */
  | { readonly kind: 'name' }
  /** A block of addresses and, for TLS, the server name too; HTTP in it goes by its Host where the port is sniffed. */
  | { readonly kind: 'block'; readonly block: IpBlock; readonly byName: boolean; readonly sniffed: boolean }
  /** Nothing: it takes what nobody else does. */
  | { readonly kind: 'rest' };

/** A service's part in the listener that it shares with the others of its port. */
export interface PortClaim {
  readonly port: number;
  readonly host: string;
  readonly match: PortMatch;
  readonly tcp: TcpOptions;
}

/** Everything that the listener of a port depends on which has no address. */
export interface SharedListener {
  readonly port: number;
  /** Some service has HTTP on it: the Host decides. */
  readonly http: boolean;
  /** Of this port; where two want the same connections, the first gets them. */
  readonly claims: readonly PortClaim[];
  readonly unknown: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly settings: ConnectionSettings;
}

/**
 * What several services share of a port: HTTP by Host, TLS by server name, TCP by block of addresses; the rest is for the one that asks
 * for it, or for nobody (behaviour.md 4.2).
 */
export function sharedPortListener({ port, http, claims, unknown, settings }: SharedListener): Resource {
  const name = outboundListener('0.0.0.0', port);
  const httpFilters = [outboundHttp(routeOfPort(port), `outbound_${name}`, settings)];
  const named = claims.filter(({ match }) => match.kind === 'name' || (match.kind === 'block' && match.byName));
  const sniffs = http || claims.some(({ match }) => match.kind === 'block' && match.sniffed);
  const rest = claims.find(({ match }) => match.kind === 'rest');
  const inspectors = [...(named.length > 0 || sniffs ? [tlsInspector] : []), ...(sniffs ? [httpInspector] : [])];
  return resource('listener', name, {
    ...outboundShell(name, '0.0.0.0', port),
    ...(inspectors.length === 0
      ? {}
      : {
          listenerFilters: inspectors,
          listenerFiltersTimeout: seconds(0),
          continueOnListenerFiltersTimeout: true,
        }),
    filterChains: distinct([
      ...claims.flatMap((claim) => chainsOf(claim, httpFilters, settings)),
      ...(http ? [{ name: 'http', filterChainMatch: { ...plainHttpMatch }, filters: httpFilters }] : []),
    ]),
    defaultFilterChain:
      rest === undefined
        ? { name: 'unknown', filters: [toUnknown(unknown, settings)] }
        : { name: chainName(rest), filters: [toService(rest, settings)] },
  });
}

const plainHttpMatch = { transportProtocol: 'raw_buffer', applicationProtocols: plainHttp } as const;
const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typedConfig: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
};
const httpInspector = {
  name: 'envoy.filters.listener.http_inspector',
  typedConfig: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
};

function chainsOf(
  claim: PortClaim,
  http: NonNullable<FilterChain['filters']>,
  settings: ConnectionSettings,
): readonly FilterChain[] {
  const { host, match } = claim;
  const tcp = { name: chainName(claim), filters: [toService(claim, settings)] };
  switch (match.kind) {
    case 'name':
      return [{ ...tcp, filterChainMatch: { serverNames: [host] } }];
    case 'rest':
      return [];
    case 'block': {
      const prefixRanges = [
        { addressPrefix: match.block.address, prefixLen: { value: match.block.prefixLength } },
      ] as const;
      const own = { ...tcp, filterChainMatch: { prefixRanges, ...(match.byName ? { serverNames: [host] } : {}) } };
      if (!match.sniffed) return [own];
      return [
        {
          name: `http ${ipBlockText(match.block)}`,
          filterChainMatch: { prefixRanges, ...plainHttpMatch },
          filters: http,
        },
        own,
      ];
    }
  }
}

function chainName({ port, host, match }: PortClaim): string {
  const name = outboundCluster(port, host);
  return match.kind === 'block' ? `${name} ${ipBlockText(match.block)}` : name;
}

function toService({ port, host, tcp }: PortClaim, settings: ConnectionSettings) {
  return tcpProxy(outboundCluster(port, host), 'outbound', logs(settings), tcp);
}

function toUnknown(unknown: SharedListener['unknown'], settings: ConnectionSettings) {
  const cluster = unknown === 'ALLOW_ANY' ? passthroughCluster : blackHoleCluster;
  return tcpProxy(cluster, cluster, logs(settings));
}

const logs = (settings: ConnectionSettings) => accessLogs('tcp', 'outbound', settings.accessLog);

/** Envoy refuses a listener with two chains that match the same. */
function distinct(chains: readonly FilterChain[]): readonly FilterChain[] {
  const known = new Set<string>();
  return chains.filter(({ filterChainMatch }) => {
    const key = JSON.stringify(filterChainMatch);
    const first = !known.has(key);
    known.add(key);
    return first;
  });
}
