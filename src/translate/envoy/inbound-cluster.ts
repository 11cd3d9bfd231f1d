import { envoy } from '@envoyproxy/protos';
import type { Resource } from '../../model/resource.ts';
import type { ConnectionPool } from '../../model/traffic-policy.ts';
import type { InboundApplication } from '../policy/inbound.ts';
import type { TargetPolicy } from '../policy/target-policy.ts';
import { clusterPolicy, connectTimeout, noBreakers } from './cluster-policy.ts';
import { lbEndpoint } from './endpoint.ts';
import { inboundCluster, inboundPassthroughCluster } from './names.ts';
import { resource } from './resource.ts';
import { sniffedOptions, upstreamOptions } from './upstream-options.ts';

type Cluster = envoy.config.cluster.v3.Cluster;

const { DiscoveryType, LbPolicy } = envoy.config.cluster.v3.Cluster;

const noPolicy: Omit<TargetPolicy, 'connectionPool'> = {
  loadBalancer: undefined,
  outlierDetection: undefined,
  proxyProtocol: undefined,
  retryBudget: undefined,
  tunnel: undefined,
};

/** At the address that the connection was meant for, from 127.0.0.6 so that it isn't taken again. */
const asMeant = {
  type: DiscoveryType.ORIGINAL_DST,
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
  upstreamBindConfig: { sourceAddress: { address: '127.0.0.6', portValue: 0 } },
} as const satisfies Cluster;

const unlimited = {
  connectTimeout,
  circuitBreakers: noBreakers,
  typedExtensionProtocolOptions: sniffedOptions,
} as const;

/** To the application, on whatever port: for those that nobody names. */
export function inboundPassthrough(): Resource {
  return resource('cluster', inboundPassthroughCluster, { name: inboundPassthroughCluster, ...asMeant, ...unlimited });
}

/** What one port of a workload leads to (behaviour.md 3.6). */
export function inboundApplicationCluster({ port, at, connectionPool }: InboundApplication): Resource {
  const name = inboundCluster(port);
  return resource('cluster', name, {
    name,
    ...(connectionPool === undefined ? unlimited : limits(connectionPool)),
    ...placeOf(name, port, at),
  });
}

function limits(connectionPool: ConnectionPool) {
  const { connectTimeout, circuitBreakers, ...more } = clusterPolicy({ ...noPolicy, connectionPool });
  const typedExtensionProtocolOptions = upstreamOptions({ protocol: 'auto', pool: connectionPool, ownHost: 'unused' });
  return {
    connectTimeout,
    circuitBreakers,
    ...('upstreamConnectionOptions' in more ? { upstreamConnectionOptions: more.upstreamConnectionOptions } : {}),
    typedExtensionProtocolOptions: typedExtensionProtocolOptions ?? sniffedOptions,
  };
}

/**
 * Another port of the pod is reached at whichever of its addresses the connection was meant for, so that one cluster serves all pods
 * alike. Nothing on the way to 127.0.0.1 is intercepted.
 */
function placeOf(clusterName: string, port: number, at: InboundApplication['at']): Cluster {
  if (at?.kind === 'port' && at.at === 'pod' && at.port !== port)
    return { ...asMeant, originalDstLbConfig: { upstreamPortOverride: { value: at.port } } };
  if (at === undefined || (at.kind === 'port' && at.at === 'pod')) return asMeant;
  const address = at.kind === 'socket' ? at.path : '127.0.0.1';
  const endpoint = lbEndpoint({ address, port: at.kind === 'socket' ? 0 : at.port, mtls: false });
  return {
    type: DiscoveryType.STATIC,
    loadAssignment: { clusterName, endpoints: [{ lbEndpoints: [endpoint] }] },
  };
}
