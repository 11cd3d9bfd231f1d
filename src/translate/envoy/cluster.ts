import { envoy } from '@envoyproxy/protos';
import type { SpiffeId } from '../../model/ids.ts';
import type { Resource } from '../../model/resource.ts';
import { isHttp, type Protocol } from '../../model/service.ts';
import type { OriginatedTls } from '../../model/traffic-policy.ts';
import { type ClientTls, isOriginated } from '../policy/client-tls.ts';
import type { TargetPolicy } from '../policy/target-policy.ts';
import { clusterPolicy, connectTimeout, noBreakers } from './cluster-policy.ts';
import { dnsDiscovery, type NamedEndpoints } from './dns-cluster.ts';
import { inboundPassthrough } from './inbound-cluster.ts';
import { blackHoleCluster, outboundCluster, outboundSni, passthroughCluster } from './names.ts';
import { objectMetadata } from './object-metadata.ts';
import { originatedTls } from './originated-tls.ts';
import { rawSocket, withProxyProtocol } from './proxy-protocol.ts';
import { resource } from './resource.ts';
import { ads } from './sources.ts';
import { upstreamMtls } from './tls.ts';
import { type OwnHost, sniffedOptions, speaksHttp2, upstreamOptions } from './upstream-options.ts';

type Cluster = envoy.config.cluster.v3.Cluster;

const { DiscoveryType, LbPolicy } = envoy.config.cluster.v3.Cluster;
const original = { type: DiscoveryType.ORIGINAL_DST, lbPolicy: LbPolicy.CLUSTER_PROVIDED } as const;

/** Everything that the cluster of one service port, or of a subset of it, depends on. */
export interface OutboundCluster {
  readonly host: string;
  readonly port: number;
  readonly subset: string;
  readonly protocol: Protocol;
  readonly tls: ClientTls;
  readonly servers: readonly SpiffeId[];
  readonly trustDomain: string;
  readonly policy: TargetPolicy;
  /** What clients resolve themselves; undefined: endpoints arrive by EDS, or connections keep their address. */
  readonly named: NamedEndpoints | undefined;
  /** The DestinationRule behind it, `<name>.<namespace>`, which tools show; '' for none. */
  readonly rule: string;
}

/** The cluster of one service port: how its endpoints are found and chosen, and what is spoken to them. */
export function serviceCluster(key: OutboundCluster): Resource {
  const { host, port, subset, protocol, tls, policy, rule, named } = key;
  const name = outboundCluster(port, host, subset);
  const pool = policy.connectionPool;
  const kept = policy.loadBalancer?.method === 'PASSTHROUGH';
  const options = upstreamOptions({ protocol, pool, ownHost: isOriginated(tls) ? ownHost(tls, protocol) : 'unused' });
  return resource('cluster', name, {
    name,
    ...(kept || named !== undefined ? {} : { edsClusterConfig: { edsConfig: ads } }),
    ...clusterPolicy(policy),
    ...(kept || named === undefined ? {} : dnsDiscovery(name, named)),
    ...(options === undefined ? {} : { typedExtensionProtocolOptions: options }),
    ...socket(key),
    ...(rule === '' ? {} : { metadata: objectMetadata('destination-rule', rule) }),
  });
}

/**
 * What is spoken to the endpoints (behaviour.md 4.4, decision table). Under auto mTLS each endpoint's metadata chooses between mTLS and
 * plaintext: an endpoint that doesn't match gets the cluster's own socket, which is plaintext.
 */
function socket(key: OutboundCluster): Pick<Cluster, 'transportSocket' | 'transportSocketMatches'> {
  const { host, port, subset, protocol, tls, servers, trustDomain, policy } = key;
  const version = policy.proxyProtocol;
  if (tls === 'plaintext')
    return version === undefined ? {} : { transportSocket: withProxyProtocol(rawSocket, version) };
  if (isOriginated(tls)) {
    const h2 = speaksHttp2(protocol, policy.connectionPool);
    return {
      transportSocket: withProxyProtocol(
        originatedTls({ tls, alpn: h2 ? ['h2'] : [], host, ownHost: ownHost(tls, protocol) }),
        version,
      ),
    };
  }
  const asked = tls === 'auto' ? undefined : tls;
  const mesh = upstreamMtls({
    sni: asked === undefined || asked.sni === '' ? outboundSni(port, host, subset) : asked.sni,
    alpn: alpnOf(protocol, speaksHttp2(protocol, policy.connectionPool)),
    servers,
    names: asked?.subjectAltNames ?? [],
    trustDomain,
  });
  if (asked !== undefined) return { transportSocket: withProxyProtocol(mesh, version) };
  return {
    ...(version === undefined ? {} : { transportSocket: withProxyProtocol(rawSocket, version) }),
    transportSocketMatches: [
      {
        name: 'tlsMode-istio',
        match: { fields: { tlsMode: { stringValue: 'istio' } } },
        transportSocket: withProxyProtocol(mesh, version),
      },
    ],
  };
}

/** A request's own Host is the name that is sent where nobody says another one, and also what is checked where nobody says that. */
function ownHost(tls: OriginatedTls, protocol: Protocol): OwnHost {
  if (tls.sni !== '' || !isHttp(protocol)) return 'unused';
  return tls.subjectAltNames.length === 0 && tls.authorities.kind !== 'none' ? 'checked' : 'sent';
}

/** What the server finds its chain by. `istio-peer-exchange` isn't offered: it would promise Istio's metadata exchange. */
function alpnOf(protocol: Protocol, http2: boolean): readonly string[] {
  if (http2) return ['istio-h2', 'h2'];
  return protocol === 'http' ? ['istio-http/1.1'] : ['istio'];
}

/** The clusters that every sidecar has: where unknown traffic goes, in and out. */
export function fixedClusters(): readonly Resource[] {
  return [
    resource('cluster', blackHoleCluster, { name: blackHoleCluster, type: DiscoveryType.STATIC, connectTimeout }),
    resource('cluster', passthroughCluster, {
      name: passthroughCluster,
      ...original,
      connectTimeout,
      circuitBreakers: noBreakers,
      typedExtensionProtocolOptions: sniffedOptions,
    }),
    inboundPassthrough(),
  ];
}
