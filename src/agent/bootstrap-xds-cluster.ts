import { isIP } from 'node:net';
import { any, envoy } from '@envoyproxy/protos';
import { assertNever } from '../lib/assert-never.ts';
import { oneEndpoint, seconds, typedStruct } from './bootstrap-values.ts';

/** Name of the static cluster that reaches the control plane. */
export const xdsCluster = 'xds-grpc';
/** Name of the secret that holds the join token, in the file that Envoy watches. */
export const tokenSecretName = 'join-token';
/** Name of the secret that holds the mesh root, where that is in a file that Envoy watches. */
export const rootSecretName = 'mesh-root';

/** How an Envoy reaches its control plane. */
export type ControlPlane =
  | {
      readonly transport: 'tls';
      readonly host: string;
      readonly port: number;
      /** DNS name in the server's certificate: sent as SNI, and demanded as its subject alternative name. */
      readonly serverName: string;
      /** PEM of the mesh root. */
      readonly rootFile: string;
      /** A DiscoveryResponse in JSON with one secret, `mesh-root`, that names `rootFile`: there a new root counts without a restart. */
      readonly rootSecretFile?: string;
      /** A DiscoveryResponse in JSON with one secret, `join-token`, that names the token's file. */
      readonly tokenSecretFile: string;
    }
  /** Only for `--xds-insecure`: no certificate, no token, no keys. */
  | { readonly transport: 'plaintext'; readonly host: string; readonly port: number };

const { TlsProtocol } = envoy.extensions.transport_sockets.tls.v3.TlsParameters;
const tlsTypes = 'envoy.extensions.transport_sockets.tls.v3';
const mebibyte = 1024 * 1024;

/**
 * The cluster of the control plane. Each stream that opens on it gets the token as its credential: Envoy reads it from
 * a file and notices a new one, so stock Envoy proves its identity with no agent beside it.
 */
export function controlPlaneCluster(controlPlane: ControlPlane): envoy.config.cluster.v3.Cluster {
  const { host, port } = controlPlane;
  const { DiscoveryType } = envoy.config.cluster.v3.Cluster;
  return {
    name: xdsCluster,
    type: isIP(host) === 0 ? DiscoveryType.STRICT_DNS : DiscoveryType.STATIC,
    connectTimeout: seconds(1),
    loadAssignment: oneEndpoint(xdsCluster, host, port),
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: { value: 300 } } },
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        protocolOptions(controlPlane),
      ),
    },
    ...transportSocket(controlPlane),
  };
}

function protocolOptions(controlPlane: ControlPlane): envoy.extensions.upstreams.http.v3.HttpProtocolOptions {
  const explicitHttpConfig = {
    http2ProtocolOptions: {
      // A control plane that vanished without a word is noticed after 40 s, and one that sends a lot isn't slowed down.
      connectionKeepalive: { interval: seconds(30), timeout: seconds(10) },
      initialStreamWindowSize: { value: mebibyte },
      initialConnectionWindowSize: { value: 4 * mebibyte },
    },
  };
  switch (controlPlane.transport) {
    case 'plaintext':
      return { explicitHttpConfig };
    case 'tls':
      return { explicitHttpConfig, httpFilters: credentialFilters(controlPlane.tokenSecretFile) };
    default:
      return assertNever(controlPlane);
  }
}

/**
 * The token file's content as `authorization` of every stream; without it no stream opens
 * (allow_request_without_credential is off). The file holds the scheme too: the oldest Envoy that we support can't add it.
 */
function credentialFilters(
  tokenSecretFile: string,
): readonly envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter[] {
  return [
    {
      name: 'envoy.filters.http.credential_injector',
      typedConfig: any('envoy.extensions.filters.http.credential_injector.v3.CredentialInjector', {
        overwrite: true,
        credential: {
          name: 'envoy.http.injected_credentials.generic',
          typedConfig: any('envoy.extensions.http.injected_credentials.generic.v3.Generic', {
            credential: {
              name: tokenSecretName,
              sdsConfig: {
                pathConfigSource: { path: tokenSecretFile },
                resourceApiVersion: envoy.config.core.v3.ApiVersion.V3,
              },
            },
          }),
        },
      }),
    },
    {
      name: 'envoy.filters.http.upstream_codec',
      typedConfig: typedStruct('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec', {}),
    },
  ];
}

function transportSocket(controlPlane: ControlPlane): { transportSocket?: envoy.config.core.v3.TransportSocket } {
  if (controlPlane.transport === 'plaintext') return {};
  const { serverName } = controlPlane;
  const { SanType } = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;
  return {
    transportSocket: {
      name: 'envoy.transport_sockets.tls',
      typedConfig: any(`${tlsTypes}.UpstreamTlsContext`, {
        sni: serverName,
        commonTlsContext: {
          alpnProtocols: ['h2'],
          // Envoy as a client stops at TLS 1.2 unless told otherwise.
          tlsParams: { tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2, tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 },
          ...validation(controlPlane, [{ sanType: SanType.DNS, matcher: { exact: serverName } }]),
        },
      }),
    },
  };
}

function validation(
  { rootFile, rootSecretFile }: Extract<ControlPlane, { readonly transport: 'tls' }>,
  matchTypedSubjectAltNames: readonly envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher[],
): envoy.extensions.transport_sockets.tls.v3.CommonTlsContext {
  if (rootSecretFile === undefined)
    return { validationContext: { trustedCa: { filename: rootFile }, matchTypedSubjectAltNames } };
  const sdsConfig = {
    pathConfigSource: { path: rootSecretFile },
    resourceApiVersion: envoy.config.core.v3.ApiVersion.V3,
  };
  return {
    combinedValidationContext: {
      defaultValidationContext: { matchTypedSubjectAltNames },
      validationContextSdsSecretConfig: { name: rootSecretName, sdsConfig },
    },
  };
}
