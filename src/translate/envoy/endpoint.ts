import type { envoy } from '@envoyproxy/protos';
import type { Resource } from '../../model/resource.ts';
import type { OutboundEndpoint } from '../policy/outbound-ports.ts';
import { outboundCluster } from './names.ts';
import { resource } from './resource.ts';

const istioMetadata: envoy.config.core.v3.Metadata = {
  filterMetadata: { 'envoy.transport_socket_match': { fields: { tlsMode: { stringValue: 'istio' } } } },
};

/** Everything that the endpoints of one cluster depend on. */
export interface ClusterEndpoints {
  readonly host: string;
  readonly port: number;
  readonly subset: string;
  readonly endpoints: readonly OutboundEndpoint[];
}

/**
 * Where a service port leads. The metadata of each endpoint chooses the transport socket of the cluster (behaviour.md 4.4).
 * It never stands at the locality, although that would be shorter: Envoy (1.40) doesn't look at a locality's metadata again
 * for an endpoint that it knows, so that a change of mode would not reach the client (`make examples` shows it as 503).
 */
export function loadAssignment({ host, port: servicePort, subset, endpoints }: ClusterEndpoints): Resource {
  const clusterName = outboundCluster(servicePort, host, subset);
  const lbEndpoints = endpoints.map(lbEndpoint);
  return resource('endpoint', clusterName, { clusterName, endpoints: endpoints.length === 0 ? [] : [{ lbEndpoints }] });
}

/** One endpoint: an address or a name with its port, or a Unix socket. */
export function lbEndpoint({ address, port, mtls, weight }: OutboundEndpoint) {
  return {
    endpoint: {
      address: address.startsWith('/') ? { pipe: { path: address } } : { socketAddress: { address, portValue: port } },
    },
    ...(weight === undefined ? {} : { loadBalancingWeight: { value: weight } }),
    ...(mtls ? { metadata: istioMetadata } : {}),
  };
}
