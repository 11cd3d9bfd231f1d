import type { envoy } from '@envoyproxy/protos';

type CommonTls = envoy.extensions.transport_sockets.tls.v3.CommonTlsContext;
type Protocol = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;

export type SanMatcher = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

/** What one end of TLS shows, and what it checks the other end with, by the names of SDS resources. */
export interface TlsSecrets {
  readonly certificates: readonly string[];
  /** '' : the other end's certificate is not checked, or not asked for. */
  readonly authorities: string;
  /** Of these names the other end's certificate must hold one; empty: any will do. */
  readonly names: readonly SanMatcher[];
  /** Keys or certificates by their hashes, to which the other end is bound. */
  readonly pinned: boolean;
}

/** Reads what a TLS context names. */
export function secretsOf({
  tlsCertificateSdsSecretConfigs = [],
  combinedValidationContext: { defaultValidationContext = {}, validationContextSdsSecretConfig } = {},
}: CommonTls): TlsSecrets {
  const {
    matchTypedSubjectAltNames = [],
    verifyCertificateSpki = [],
    verifyCertificateHash = [],
  } = defaultValidationContext;
  return {
    certificates: tlsCertificateSdsSecretConfigs.map(({ name = '' }) => name),
    authorities: validationContextSdsSecretConfig?.name ?? '',
    names: matchTypedSubjectAltNames,
    pinned: verifyCertificateSpki.length > 0 || verifyCertificateHash.length > 0,
  };
}

/** TLS versions as the protocol counts their minor numbers: 1.2 is 2. */
export interface TlsVersions {
  readonly minimum: number;
  readonly maximum: number;
}

/** The versions that an end speaks. Where nothing is said, Envoy's clients stop at TLS 1.2 and its servers don't (TlsParameters). */
export function versionsOf({ tlsParams = {} }: CommonTls, end: 'client' | 'server'): TlsVersions {
  const { tlsMinimumProtocolVersion = 0, tlsMaximumProtocolVersion = 0 } = tlsParams;
  return {
    minimum: minor(tlsMinimumProtocolVersion) ?? 2,
    maximum: minor(tlsMaximumProtocolVersion) ?? (end === 'client' ? 2 : 3),
  };
}

/** TLS_AUTO is 0, TLSv1_0 is 1. */
const minor = (version: Protocol | 0): number | undefined => (version === 0 ? undefined : version - 1);

/** Whether two ends have a version in common. */
export const versionsMeet = (a: TlsVersions, b: TlsVersions): boolean =>
  a.minimum <= b.maximum && b.minimum <= a.maximum;
