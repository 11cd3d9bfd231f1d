import { isIP } from 'node:net';
import { any, envoy } from '@envoyproxy/protos';
import { secretResourceName } from '../../model/secret-source.ts';
import type { TlsLimits, TlsVersion } from '../../model/server-tls.ts';
import type { TerminatedChain } from '../policy/gateway-tls.ts';
import { rootSecret, workloadSecret } from './names.ts';
import { adsWithTimeout } from './sources.ts';

type TransportSocket = envoy.config.core.v3.TransportSocket;
type TlsParameters = envoy.extensions.transport_sockets.tls.v3.TlsParameters;
type SanMatcher = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;
type SdsSecret = envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig;

const { TlsProtocol } = envoy.extensions.transport_sockets.tls.v3.TlsParameters;
const { SanType } = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

const versions: Readonly<Record<TlsVersion, envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol>> = {
  TLSV1_0: TlsProtocol.TLSv1_0,
  TLSV1_1: TlsProtocol.TLSv1_1,
  TLSV1_2: TlsProtocol.TLSv1_2,
  TLSV1_3: TlsProtocol.TLSv1_3,
};

/**
 * TLS that ends at a gateway (behaviour.md 5.3). Every secret comes by SDS, so a renewed certificate changes no listener and
 * closes no connection.
 */
export function gatewayTls(tls: TerminatedChain, content: 'http' | 'tcp'): TransportSocket {
  const certificates =
    tls.certificates === 'mesh' ? [workloadSecret] : tls.certificates.map((each) => secretResourceName(each));
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      requireClientCertificate: { value: tls.clients === 'required' },
      commonTlsContext: {
        ...parameters(tls.limits),
        alpnProtocols: alpn(tls, content),
        tlsCertificateSdsSecretConfigs: certificates.map(sds),
        ...validation(tls),
      },
    }),
  };
}

const sds = (name: string): SdsSecret => ({ name, sdsConfig: adsWithTimeout });

function alpn({ certificates, limits }: TerminatedChain, content: 'http' | 'tcp'): readonly string[] {
  if (limits.alpn.length > 0) return limits.alpn;
  if (content === 'http') return ['h2', 'http/1.1'];
  // Bytes of which nothing is known: whatever a client asks for is between it and the service.
  return certificates === 'mesh' ? ['istio-peer-exchange', 'h2', 'http/1.1'] : [];
}

/** Nothing where nothing was asked for: then Envoy's own choice holds, which is TLS 1.2 and newer. */
function parameters({ minimum, maximum, cipherSuites, curves }: TlsLimits): { readonly tlsParams?: TlsParameters } {
  if (minimum === undefined && maximum === undefined && cipherSuites.length === 0 && curves.length === 0) return {};
  return {
    tlsParams: {
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: versions[minimum] }),
      ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: versions[maximum] }),
      cipherSuites,
      ecdhCurves: curves,
    },
  };
}

function validation({ authorities, rules }: TerminatedChain) {
  if (authorities === undefined) return {};
  const name = authorities === 'mesh' ? rootSecret : secretResourceName(authorities);
  return {
    combinedValidationContext: {
      defaultValidationContext: {
        matchTypedSubjectAltNames: rules.subjectAltNames.map(sanMatcher),
        verifyCertificateSpki: rules.publicKeys,
        verifyCertificateHash: rules.certificates,
      },
      validationContextSdsSecretConfig: sds(name),
    },
  };
}

/** A name of the kind that it looks like: a DNS name in a certificate says nothing about a URI. */
function sanMatcher(name: string): SanMatcher {
  return { sanType: sanType(name), matcher: { exact: name } };
}

function sanType(name: string): envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType {
  if (isIP(name) !== 0) return SanType.IP_ADDRESS;
  if (name.includes(':')) return SanType.URI;
  return name.includes('@') ? SanType.EMAIL : SanType.DNS;
}
