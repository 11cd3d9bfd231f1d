import type { envoy } from '@envoyproxy/protos';
import { addressLength, type IpBlock, ipBlockText } from '../../model/ip-block.ts';
import type { Resource } from '../../model/resource.ts';
import { accessLogs } from './access-log.ts';
import { plainHttp } from './alpn.ts';
import type { WeightedCluster } from './connection-routes.ts';
import { type ConnectionSettings, outboundHttp, type TcpOptions, tcpProxy } from './http-connection-manager.ts';
import { outboundCluster, outboundListener, routeOfPort } from './names.ts';
import { httpInspector, outboundShell, tlsInspector, unhurried } from './outbound-listener.ts';
import { resource } from './resource.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;

/** What tells connections to a service that has no address of its own from all others to its port. */
export type PortMatch =
  /** A server name of TLS. */
  | { readonly kind: 'name'; readonly name: string }
  /** A block of addresses and, for TLS, a server name too; HTTP in it goes by its Host where the port is sniffed. */
  | {
      readonly kind: 'block';
      readonly block: IpBlock;
      readonly name: string | undefined;
      readonly sniffed: boolean;
    }
  /** Nothing: it takes what nobody else does. */
  | { readonly kind: 'rest' };

/** A service's part in the listener that it shares with the others of its port. */
export interface PortClaim {
  readonly port: number;
  readonly host: string;
  readonly match: PortMatch;
  /** Where a VirtualService sends it; empty: to the service. */
  readonly clusters: readonly WeightedCluster[];
  readonly tcp: TcpOptions;
}

/** Everything that the listener of a port depends on which has no address. */
export interface SharedListener {
  readonly port: number;
  /** Some service has HTTP on it: the Host decides. */
  readonly http: boolean;
  /** Addresses of services with HTTP on it that stand in blocks which others claim. */
  readonly httpAt: readonly string[];
  /** Of this port; where two want the same connections, the first gets them. */
  readonly claims: readonly PortClaim[];
  /** The cluster for what nobody claims. */
  readonly unknown: string;
  readonly settings: ConnectionSettings;
}

/**
 * What several services share of a port: HTTP by Host, TLS by server name, TCP by block of addresses; the rest is for the one that asks
 * for it, or for nobody (behaviour.md 4.2).
 */
export function sharedPortListener(listener: SharedListener): Resource {
  const { port, http, httpAt, unknown, settings } = listener;
  const claims = listener.claims.filter(({ match }) => !isOneOf(httpAt, match));
  const name = outboundListener('0.0.0.0', port);
  const httpFilters = [outboundHttp(routeOfPort(port), `outbound_${name}`, settings)];
  const named = claims.filter(
    ({ match }) => match.kind === 'name' || (match.kind === 'block' && match.name !== undefined),
  );
  const sniffs = http || claims.some(({ match }) => match.kind === 'block' && match.sniffed);
  const rest = claims.find(({ match }) => match.kind === 'rest');
  const inspectors = [...(named.length > 0 || sniffs ? [tlsInspector] : []), ...(sniffs ? [httpInspector] : [])];
  return resource('listener', name, {
    ...outboundShell(name, '0.0.0.0', port),
    ...(inspectors.length === 0 ? {} : { listenerFilters: inspectors, ...unhurried }),
    filterChains: distinct([
      ...addressed(httpAt, httpFilters),
      ...claims.flatMap((claim) => chainsOf(claim, httpFilters, settings)),
      ...(http ? [{ name: 'http', filterChainMatch: { ...plainHttpMatch }, filters: httpFilters }] : []),
    ]),
    defaultFilterChain:
      rest === undefined
        ? { name: 'unknown', filters: [tcpProxy(unknown, unknown, logs(settings))] }
        : { name: chainName(rest), filters: [toService(rest, settings)] },
  });
}

/**
 * Envoy looks at the longest prefix alone, so a block around a service would take its connections, whoever's it is. What is meant for the
 * service's own address is HTTP, as where nobody claims a block.
 */
function addressed(addresses: readonly string[], filters: NonNullable<FilterChain['filters']>): readonly FilterChain[] {
  if (addresses.length === 0) return [];
  const prefixRanges = addresses.map((address) => ({
    addressPrefix: address,
    prefixLen: { value: addressLength(address) },
  }));
  return [{ name: 'http of services', filterChainMatch: { prefixRanges }, filters }];
}

/** A claim of an address that a service has already. */
function isOneOf(addresses: readonly string[], match: PortMatch): boolean {
  return (
    match.kind === 'block' &&
    match.name === undefined &&
    match.block.prefixLength === addressLength(match.block.address) &&
    addresses.includes(match.block.address)
  );
}

const plainHttpMatch = { transportProtocol: 'raw_buffer', applicationProtocols: plainHttp } as const;

function chainsOf(
  claim: PortClaim,
  http: NonNullable<FilterChain['filters']>,
  settings: ConnectionSettings,
): readonly FilterChain[] {
  const { match } = claim;
  const tcp = { name: chainName(claim), filters: [toService(claim, settings)] };
  switch (match.kind) {
    case 'name':
      return [{ ...tcp, filterChainMatch: { serverNames: [match.name] } }];
    case 'rest':
      return [];
    case 'block': {
      const prefixRanges = [
        { addressPrefix: match.block.address, prefixLen: { value: match.block.prefixLength } },
      ] as const;
      const own = {
        ...tcp,
        filterChainMatch: { prefixRanges, ...(match.name === undefined ? {} : { serverNames: [match.name] }) },
      };
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
  const parts = [
    outboundCluster(port, host),
    ...(match.kind === 'block' ? [ipBlockText(match.block)] : []),
    ...(match.kind === 'rest' || match.name === undefined || match.name === host ? [] : [match.name]),
  ];
  return parts.join(' ');
}

function toService({ port, host, clusters, tcp }: PortClaim, settings: ConnectionSettings) {
  const own = [{ name: outboundCluster(port, host), weight: 1 }];
  return tcpProxy(clusters.length === 0 ? own : clusters, 'outbound', logs(settings), tcp);
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
