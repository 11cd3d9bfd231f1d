import { isIP } from 'node:net';
import { any, envoy } from '@envoyproxy/protos';
import type { SpiffeId } from '../../model/ids.ts';
import type { Mesh } from '../../model/mesh.ts';
import { rootSecret, workloadSecret } from './names.ts';
import { adsWithTimeout } from './sources.ts';

type TransportSocket = envoy.config.core.v3.TransportSocket;
type SanMatcher = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

export const tlsSocket = 'envoy.transport_sockets.tls';
const { TLSv1_2: tls12, TLSv1_3: tls13 } = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;
/** What our clients speak. Envoy's own maximum for clients is 1.2, which shows the certificates of both on the wire. */
export const clientVersions = { tlsMinimumProtocolVersion: tls12, tlsMaximumProtocolVersion: tls13 };
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
    name: tlsSocket,
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
  /** Names that a DestinationRule wants in place of `servers`. */
  readonly names: readonly string[];
  readonly trustDomain: string;
}

/** Client side of mesh mTLS. */
export function upstreamMtls({ sni, alpn, servers, names, trustDomain }: UpstreamMtls): TransportSocket {
  const sans: readonly SanMatcher[] =
    names.length > 0
      ? names.flatMap(exactName)
      : servers.length > 0
        ? servers.map((id) => ({ sanType: uriSan, matcher: { exact: id } }))
        : [{ sanType: uriSan, matcher: { prefix: `spiffe://${trustDomain}/` } }];
  return {
    name: tlsSocket,
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni,
      commonTlsContext: {
        tlsParams: clientVersions,
        alpnProtocols: alpn,
        ...meshSecrets(sans),
      },
    }),
  };
}

/** A name that a certificate must hold, whether as an address, a URI or a DNS name: Envoy looks for one kind at a time. */
export function exactName(name: string): readonly SanMatcher[] {
  const { DNS, IP_ADDRESS } = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType;
  if (name.includes('://')) return [{ sanType: uriSan, matcher: { exact: name } }];
  return [{ sanType: isIP(name) === 0 ? DNS : IP_ADDRESS, matcher: { exact: name } }];
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
