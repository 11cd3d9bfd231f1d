import { envoy } from '@envoyproxy/protos';
import type { OutboundEndpoint } from '../policy/outbound-ports.ts';
import { lbEndpoint } from './endpoint.ts';
import { seconds } from './sources.ts';

type Cluster = envoy.config.cluster.v3.Cluster;

const { DiscoveryType, DnsLookupFamily } = envoy.config.cluster.v3.Cluster;

/** Endpoints that a client finds by asking DNS. */
export interface NamedEndpoints {
  /** `strict`: all answers are endpoints. `logical`: each new connection goes to the answer of the moment. */
  readonly kind: 'strict' | 'logical';
  readonly endpoints: readonly OutboundEndpoint[];
}

/** How a cluster resolves its endpoints (behaviour.md 4.4). Envoy refuses LOGICAL_DNS with any number of names but one. */
export function dnsDiscovery(clusterName: string, { kind, endpoints }: NamedEndpoints) {
  const logical = kind === 'logical' && endpoints.length === 1;
  return {
    type: logical ? DiscoveryType.LOGICAL_DNS : DiscoveryType.STRICT_DNS,
    dnsLookupFamily: DnsLookupFamily.V4_PREFERRED,
    dnsRefreshRate: seconds(60),
    respectDnsTtl: true,
    loadAssignment: {
      clusterName,
      endpoints: endpoints.length === 0 ? [] : [{ lbEndpoints: endpoints.map(lbEndpoint) }],
    },
  } satisfies Partial<Cluster>;
}
