import type { envoy } from '@envoyproxy/protos';
import type { WeightedDestination } from '../../model/http-route.ts';
import type { Tunnel } from '../../model/traffic-policy.ts';
import type { ConnectionKey } from '../policy/connection-routes.ts';
import type { RouteTargets } from './http-routes.ts';
import { addressRange } from './matcher.ts';
import { blackHoleCluster } from './names.ts';

/** A part of the connections that go the same way. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
}

/** Where connections alike go, whatever they are. */
export interface ConnectionTarget {
  readonly clusters: readonly WeightedCluster[];
  /** The same for all of the clusters: Envoy has one place for it. */
  readonly tunnel: Tunnel | undefined;
}

/** A TLS or TCP route whose destinations are clusters. */
export interface TcpRoute extends ConnectionTarget {
  readonly match: ConnectionKey;
}

/**
 * Where a route leads that shares connections among destinations. Between tunnels that differ Envoy can't choose, and without its tunnel a
 * connection would be shown to the proxy itself: so it ends.
 */
export function connectionTarget(
  destinations: readonly WeightedDestination[],
  { clusterOf, tunnelOf }: Pick<RouteTargets, 'clusterOf' | 'tunnelOf'>,
): ConnectionTarget {
  const tunnels = destinations.map(({ destination }) => tunnelOf(destination));
  const [tunnel, ...others] = tunnels;
  if (others.some((other) => other?.target !== tunnel?.target))
    return { clusters: [{ name: blackHoleCluster, weight: 1 }], tunnel: undefined };
  return {
    clusters: destinations.map(({ destination, weight }) => ({ name: clusterOf(destination), weight })),
    tunnel,
  };
}

/** What the filter chain of a TLS or TCP route is found by (behaviour.md 5.7). */
export function connectionMatch({
  sniHost,
  destinationSubnet,
  sourceSubnet,
}: ConnectionKey): envoy.config.listener.v3.FilterChainMatch {
  return {
    ...(sniHost === undefined ? {} : { serverNames: [sniHost] }),
    ...(destinationSubnet === undefined ? {} : { prefixRanges: [addressRange(destinationSubnet)] }),
    ...(sourceSubnet === undefined ? {} : { sourcePrefixRanges: [addressRange(sourceSubnet)] }),
  };
}

/** Every connection, so that it takes what no other chain does. */
export function matchesAny({ sniHost, destinationSubnet, sourceSubnet }: ConnectionKey): boolean {
  return sniHost === undefined && destinationSubnet === undefined && sourceSubnet === undefined;
}
