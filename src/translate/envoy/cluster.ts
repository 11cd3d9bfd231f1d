import { any, envoy } from '@envoyproxy/protos';
import type { SpiffeId } from '../../model/ids.ts';
import type { Resource } from '../../model/resource.ts';
import type { Protocol } from '../../model/service.ts';
import type { ClientTls } from '../policy/client-tls.ts';
import {
  blackHoleCluster,
  inboundCluster,
  inboundPassthroughCluster,
  outboundCluster,
  outboundSni,
  passthroughCluster,
} from './names.ts';
import { resource } from './resource.ts';
import { ads, seconds } from './sources.ts';
import { upstreamMtls } from './tls.ts';

type Cluster = envoy.config.cluster.v3.Cluster;

const { DiscoveryType, LbPolicy } = envoy.config.cluster.v3.Cluster;
const original = { type: DiscoveryType.ORIGINAL_DST, lbPolicy: LbPolicy.CLUSTER_PROVIDED } as const;
/** As good as unlimited, in three bytes on the wire: it stands four times in every cluster. */
const unlimited = { value: 2_097_151 };
const connectTimeout = seconds(10);

/** No breaker of ours: Envoy's defaults (three retries at once) would cut healthy services. */
const circuitBreakers = {
  thresholds: [
    { maxConnections: unlimited, maxPendingRequests: unlimited, maxRequests: unlimited, maxRetries: unlimited },
  ],
};

const http2Options: Cluster['typedExtensionProtocolOptions'] = protocolOptions({
  explicitHttpConfig: { http2ProtocolOptions: {} },
});
const sniffedOptions: Cluster['typedExtensionProtocolOptions'] = protocolOptions({
  useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
});

function protocolOptions(options: envoy.extensions.upstreams.http.v3.HttpProtocolOptions) {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { [name]: any(name, options) };
}

/** Everything that the cluster of one service port depends on. */
export interface OutboundCluster {
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly tls: ClientTls;
  readonly servers: readonly SpiffeId[];
  readonly trustDomain: string;
}

/**
 * The cluster of one service port. Under auto mTLS each endpoint's metadata chooses between mTLS and plaintext
 * (behaviour.md 4.4): an endpoint that doesn't match gets the cluster's own socket, which is plaintext. The client's ALPN
 * tells the server what is inside.
 */
export function serviceCluster(key: OutboundCluster): Resource {
  const { host, port, protocol, tls, servers, trustDomain } = key;
  const name = outboundCluster(port, host);
  return resource('cluster', name, {
    name,
    type: DiscoveryType.EDS,
    edsClusterConfig: { edsConfig: ads },
    connectTimeout,
    lbPolicy: LbPolicy.LEAST_REQUEST,
    circuitBreakers,
    ...protocolOptionsOf(protocol),
    ...(tls === 'plaintext'
      ? {}
      : {
          transportSocketMatches: [
            {
              name: 'tlsMode-istio',
              match: { fields: { tlsMode: { stringValue: 'istio' } } },
              transportSocket: upstreamMtls({
                sni: outboundSni(port, host),
                alpn: alpnOf(protocol),
                servers,
                trustDomain,
              }),
            },
          ],
        }),
  });
}

/** What the server finds its chain by. `istio-peer-exchange` isn't offered: it would promise Istio's metadata exchange. */
function alpnOf(protocol: Protocol): readonly string[] {
  if (protocol === 'http') return ['istio-http/1.1'];
  if (protocol === 'http2' || protocol === 'grpc') return ['istio-h2', 'h2'];
  return ['istio'];
}

function protocolOptionsOf(protocol: Protocol): Pick<Cluster, 'typedExtensionProtocolOptions'> {
  if (protocol === 'http2' || protocol === 'grpc') return { typedExtensionProtocolOptions: http2Options ?? {} };
  if (protocol === 'auto') return { typedExtensionProtocolOptions: sniffedOptions ?? {} };
  return {};
}

/** To the application, at the address that the connection was meant for, from 127.0.0.6 so that it isn't taken again. */
function toApplication(name: string): Resource {
  return resource('cluster', name, {
    name,
    ...original,
    connectTimeout,
    circuitBreakers,
    upstreamBindConfig: { sourceAddress: { address: '127.0.0.6', portValue: 0 } },
    typedExtensionProtocolOptions: sniffedOptions ?? {},
  });
}

export const serviceInboundCluster = (targetPort: number): Resource => toApplication(inboundCluster(targetPort));

/** The clusters that every sidecar has: where unknown traffic goes, in and out. */
export function fixedClusters(): readonly Resource[] {
  return [
    resource('cluster', blackHoleCluster, { name: blackHoleCluster, type: DiscoveryType.STATIC, connectTimeout }),
    resource('cluster', passthroughCluster, {
      name: passthroughCluster,
      ...original,
      connectTimeout,
      circuitBreakers,
      typedExtensionProtocolOptions: sniffedOptions ?? {},
    }),
    toApplication(inboundPassthroughCluster),
  ];
}
