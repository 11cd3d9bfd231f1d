import { any, envoy } from '@envoyproxy/protos';
import type { SpiffeId } from '../../model/ids.ts';
import type { Mesh } from '../../model/mesh.ts';
import { rootSecret, workloadSecret } from './names.ts';
import { adsWithTimeout } from './sources.ts';

type TransportSocket = envoy.config.core.v3.TransportSocket;
type SanMatcher = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

const socketName = 'envoy.transport_sockets.tls';
const { TLSv1_2: tls12, TLSv1_3: tls13 } = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;
const uriSan = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType.URI;

/** AEAD with forward secrecy first; the last two for peers that know nothing better (behaviour.md 3.4). */
const cipherSuites: readonly string[] = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
];

/**
 * Server side of mesh mTLS: a client certificate is required, must chain to our root, and must name a workload of a trust
 * domain of ours. Which workload may do what is AuthorizationPolicy's business.
 */
export function downstreamMtls(
  content: 'http' | 'tcp',
  domains: Pick<Mesh, 'trustDomain' | 'trustDomainAliases'>,
): TransportSocket {
  const trusted = [...new Set([domains.trustDomain, ...domains.trustDomainAliases])];
  return {
    name: socketName,
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      requireClientCertificate: { value: true },
      commonTlsContext: {
        tlsParams: { tlsMinimumProtocolVersion: tls12, tlsMaximumProtocolVersion: tls13, cipherSuites },
        alpnProtocols: content === 'http' ? ['h2', 'http/1.1'] : ['istio-peer-exchange', 'h2', 'http/1.1'],
        ...meshSecrets(trusted.map((domain) => ({ sanType: uriSan, matcher: { prefix: `spiffe://${domain}/` } }))),
      },
    }),
  };
}

/** What a client's TLS socket to one service port depends on. */
export interface UpstreamMtls {
  readonly sni: string;
  readonly alpn: readonly string[];
  /** Exact identities that the server may have. Empty (nothing known to run there): any of the trust domain. */
  readonly servers: readonly SpiffeId[];
  readonly trustDomain: string;
}

/**
 * Client side of mesh mTLS. Envoy's own maximum for clients is TLS 1.2, which would show both identities in clear on the
 * wire, so 1.3 is asked for.
 */
export function upstreamMtls({ sni, alpn, servers, trustDomain }: UpstreamMtls): TransportSocket {
  const sans: readonly SanMatcher[] =
    servers.length > 0
      ? servers.map((id) => ({ sanType: uriSan, matcher: { exact: id } }))
      : [{ sanType: uriSan, matcher: { prefix: `spiffe://${trustDomain}/` } }];
  return {
    name: socketName,
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni,
      commonTlsContext: {
        tlsParams: { tlsMinimumProtocolVersion: tls12, tlsMaximumProtocolVersion: tls13 },
        alpnProtocols: alpn,
        ...meshSecrets(sans),
      },
    }),
  };
}

/** Own certificate and the mesh's roots, both by SDS: rotation touches neither listener nor cluster. */
function meshSecrets(matchTypedSubjectAltNames: readonly SanMatcher[]) {
  return {
    tlsCertificateSdsSecretConfigs: [{ name: workloadSecret, sdsConfig: adsWithTimeout }],
    combinedValidationContext: {
      defaultValidationContext: { matchTypedSubjectAltNames },
      validationContextSdsSecretConfig: { name: rootSecret, sdsConfig: adsWithTimeout },
    },
  } as const;
}
