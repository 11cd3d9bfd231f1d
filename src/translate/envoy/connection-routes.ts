import { any, type envoy } from '@envoyproxy/protos';
import type { WeightedDestination } from '../../model/http-route.ts';
import type { ConnectionKey } from '../policy/connection-routes.ts';
import type { RouteTargets } from './http-routes.ts';
import { addressRange } from './matcher.ts';

type FilterChainMatch = envoy.config.listener.v3.FilterChainMatch;
type NetworkFilter = envoy.config.listener.v3.Filter;
type AccessLog = envoy.config.accesslog.v3.AccessLog;

/** What the filter chain of a TLS or TCP route is found by (behaviour.md 5.7). */
export function connectionMatch({ sniHost, destinationSubnet, sourceSubnet }: ConnectionKey): FilterChainMatch {
  return {
    ...(sniHost === undefined ? {} : { serverNames: [sniHost] }),
    ...(destinationSubnet === undefined ? {} : { prefixRanges: [addressRange(destinationSubnet)] }),
    ...(sourceSubnet === undefined ? {} : { sourcePrefixRanges: [addressRange(sourceSubnet)] }),
  };
}

/** Bytes as they are, to clusters by their shares. */
export function weightedTcpProxy(
  destinations: readonly WeightedDestination[],
  clusterOf: RouteTargets['clusterOf'],
  statPrefix: string,
  accessLog: readonly AccessLog[] = [],
): NetworkFilter {
  const clusters = destinations.map(({ destination, weight }) => ({ name: clusterOf(destination), weight }));
  const [first, ...others] = clusters;
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typedConfig: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      statPrefix,
      ...(first !== undefined && others.length === 0 ? { cluster: first.name } : { weightedClusters: { clusters } }),
      accessLog,
    }),
  };
}
