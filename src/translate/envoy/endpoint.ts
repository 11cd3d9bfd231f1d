import type { envoy } from '@envoyproxy/protos';
import type { Resource } from '../../model/resource.ts';
import { outboundCluster } from './names.ts';
import { resource } from './resource.ts';

/** One address behind a service port, and whether its sidecar takes mesh mTLS there. */
export interface LoadAssignmentEndpoint {
  readonly address: string;
  readonly port: number;
  readonly mtls: boolean;
}

const istioMetadata: envoy.config.core.v3.Metadata = {
  filterMetadata: { 'envoy.transport_socket_match': { fields: { tlsMode: { stringValue: 'istio' } } } },
};

/**
 * Where a service port leads. The metadata chooses the transport socket of the cluster (behaviour.md 4.4). Where all
 * endpoints agree, which is the rule, it stands once for all of them: Envoy reads an endpoint's own first, then its
 * locality's.
 */
export function loadAssignment(
  host: string,
  servicePort: number,
  endpoints: readonly LoadAssignmentEndpoint[],
): Resource {
  const clusterName = outboundCluster(servicePort, host);
  const allMtls = endpoints.every(({ mtls }) => mtls);
  const lbEndpoints = endpoints.map(({ address, port, mtls }) => ({
    endpoint: { address: { socketAddress: { address, portValue: port } } },
    ...(mtls && !allMtls ? { metadata: istioMetadata } : {}),
  }));
  const locality = { lbEndpoints, ...(allMtls ? { metadata: istioMetadata } : {}) };
  return resource('endpoint', clusterName, { clusterName, endpoints: endpoints.length === 0 ? [] : [locality] });
}
