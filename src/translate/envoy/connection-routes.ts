import type { envoy } from '@envoyproxy/protos';
import type { ConnectionKey } from '../policy/connection-routes.ts';
import { addressRange } from './matcher.ts';

/** A part of the connections that go the same way. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
}

/** A TLS or TCP route whose destinations are clusters. */
export interface TcpRoute {
  readonly match: ConnectionKey;
  readonly clusters: readonly WeightedCluster[];
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
