/** A version of TLS, oldest first where they are compared. */
export type TlsVersion = 'TLSV1_0' | 'TLSV1_1' | 'TLSV1_2' | 'TLSV1_3';

/** What a TLS server agrees to; undefined and empty: what Envoy agrees to by itself. */
export interface TlsLimits {
  readonly minimum: TlsVersion | undefined;
  readonly maximum: TlsVersion | undefined;
  /** Names as OpenSSL writes them; they mean nothing to TLS 1.3. */
  readonly cipherSuites: readonly string[];
  /** Curves of the key exchange, the preferred one first. */
  readonly curves: readonly string[];
  /** What is offered by ALPN, the preferred one first; empty: what fits the protocol. */
  readonly alpn: readonly string[];
}

/** A Secret that is named as a credential. Undefined namespace: that of the proxy which uses it (behaviour.md 5.5). */
export interface CredentialRef {
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Files are named as the server's Envoy sees them. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What a server shows. */
export type ServerCertificate =
  | { readonly kind: 'credentials'; readonly names: readonly CredentialRef[] }
  | { readonly kind: 'files'; readonly files: readonly CertificateFiles[] };

/** What clients' certificates are checked with. A credential is the one whose authorities are read, without `-cacert`. */
export type ClientAuthorities =
  | { readonly kind: 'credential'; readonly name: CredentialRef }
  | { readonly kind: 'file'; readonly path: string; readonly revoked: string };

/** Which client certificates a server takes of those that its authorities signed. Empty lists ask for nothing. */
export interface ClientRules {
  /** Names of which the client must hold one. */
  readonly subjectAltNames: readonly string[];
  /** SHA-256 of the public key, base64. */
  readonly publicKeys: readonly string[];
  /** SHA-256 of the certificate, hex. */
  readonly certificates: readonly string[];
}

/** TLS that ends at the server, with certificates that aren't the mesh's. */
export type TerminatedTls = {
  readonly certificate: ServerCertificate;
  readonly limits: TlsLimits;
} & (
  | { readonly mode: 'SIMPLE' }
  | {
      readonly mode: 'MUTUAL' | 'OPTIONAL_MUTUAL';
      readonly authorities: ClientAuthorities;
      readonly clients: ClientRules;
    }
);

/** How a server speaks TLS (behaviour.md 5.3). */
export type ServerTls =
  /** The connection is handed on as it is; its server name says where to. */
  | { readonly mode: 'PASSTHROUGH' }
  /** Likewise, by the server names that mesh clients send. */
  | { readonly mode: 'AUTO_PASSTHROUGH' }
  /** The mesh's own certificates on both sides. */
  | { readonly mode: 'ISTIO_MUTUAL'; readonly limits: TlsLimits; readonly clients: ClientRules }
  | TerminatedTls;
