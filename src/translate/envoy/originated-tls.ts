import { any, type envoy } from '@envoyproxy/protos';
import type { Resource } from '../../model/resource.ts';
import { type SecretSource, withheldCredential } from '../../model/secret-source.ts';
import type { OriginatedTls } from '../../model/traffic-policy.ts';
import { credentialAuthorities, credentialCertificate, fileAuthorities, fileCertificate } from './names.ts';
import { resource } from './resource.ts';
import { adsWithTimeout } from './sources.ts';
import { clientVersions, exactName, tlsSocket } from './tls.ts';
import type { OwnHost } from './upstream-options.ts';

type TransportSocket = envoy.config.core.v3.TransportSocket;

/** Where Debian, and Envoy's own images, keep the authorities that everybody trusts. */
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** What a client's TLS with certificates of its own depends on. */
export interface Origination {
  readonly tls: OriginatedTls;
  readonly alpn: readonly string[];
  readonly host: string;
  readonly ownHost: OwnHost;
}

/**
 * TLS to a server that isn't of the mesh (behaviour.md 4.4, SIMPLE and MUTUAL). A certificate always is checked for a name: one that the
 * rule gives, else the one that is sent, else the host.
 */
export function originatedTls({ tls, alpn, host, ownHost }: Origination): TransportSocket {
  const { certificate, authorities } = tls;
  const names = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : [tls.sni === '' ? host : tls.sni];
  const defaultValidationContext = ownHost === 'checked' ? {} : { matchTypedSubjectAltNames: names.flatMap(exactName) };
  return {
    name: tlsSocket,
    typedConfig: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      ...(tls.sni === '' ? {} : { sni: tls.sni }),
      commonTlsContext: {
        tlsParams: clientVersions,
        ...(alpn.length === 0 ? {} : { alpnProtocols: alpn }),
        ...(certificate === undefined
          ? {}
          : {
              tlsCertificateSdsSecretConfigs: [
                {
                  name:
                    certificate.kind === 'files'
                      ? fileCertificate(certificate.certificate, certificate.privateKey)
                      : credentialCertificate(certificate.name),
                  sdsConfig: adsWithTimeout,
                },
              ],
            }),
        ...(authorities.kind === 'none'
          ? {}
          : {
              combinedValidationContext: {
                defaultValidationContext,
                validationContextSdsSecretConfig: {
                  name: authoritiesName(authorities, tls.revoked),
                  sdsConfig: adsWithTimeout,
                },
              },
            }),
      },
    }),
  };
}

/**
 * The list of revoked certificates belongs to the authorities: were it the cluster's own, one that can't be read would make Envoy refuse the
 * authorities, and with them every other cluster that has them.
 */
function authoritiesName(authorities: Verified, revoked: string): string {
  switch (authorities.kind) {
    case 'credential':
      return credentialAuthorities(authorities.name);
    case 'file':
      return fileAuthorities(authorities.path, revoked);
    case 'system':
      return fileAuthorities('system', revoked);
  }
}

type Verified = Exclude<OriginatedTls['authorities'], { readonly kind: 'none' }>;

/** The same TLS for a gateway that has no such credential: it speaks to nobody, where Envoy would go on with the last one it was given. */
export function withheld(tls: OriginatedTls): OriginatedTls {
  const { certificate, authorities } = tls;
  return {
    ...tls,
    certificate:
      certificate?.kind === 'credential' ? { ...certificate, name: withheldCredential(certificate.name) } : certificate,
    authorities:
      authorities.kind === 'credential' ? { ...authorities, name: withheldCredential(authorities.name) } : authorities,
  };
}

/** The Secrets that a rule names: only gateways are given any (behaviour.md 4.4). */
export function credentialSources({ certificate, authorities }: OriginatedTls): readonly SecretSource[] {
  return [
    ...(certificate?.kind === 'credential' ? [{ kind: 'key-pair', credential: certificate.name } as const] : []),
    ...(authorities.kind === 'credential' ? [{ kind: 'authorities', credential: authorities.name } as const] : []),
  ];
}

/**
 * The secrets of a rule that are files of the client's machine: they travel as names of files, which Envoy reads, and reads again when
 * anything is moved into their folders. To name a folder to watch would add nothing to that, but Envoy 1.36 aborts when something moves there
 * beside files that it couldn't read.
 */
export function fileSecrets({ certificate, authorities, revoked }: OriginatedTls): readonly Resource[] {
  const secrets: Resource[] = [];
  if (certificate?.kind === 'files') {
    const name = fileCertificate(certificate.certificate, certificate.privateKey);
    secrets.push(
      resource('secret', name, {
        name,
        tlsCertificate: {
          certificateChain: { filename: certificate.certificate },
          privateKey: { filename: certificate.privateKey },
        },
      }),
    );
  }
  if (authorities.kind === 'file' || authorities.kind === 'system') {
    const name = authoritiesName(authorities, revoked);
    const filename = authorities.kind === 'system' ? systemAuthorities : authorities.path;
    secrets.push(
      resource('secret', name, {
        name,
        validationContext: {
          trustedCa: { filename },
          ...(revoked === '' ? {} : { crl: { filename: revoked } }),
        },
      }),
    );
  }
  return secrets;
}
