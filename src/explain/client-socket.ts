import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import { workloadSecret } from '../translate/envoy/names.ts';
import type { Sent } from './compiled.ts';
import { stringMatches } from './matchers.ts';
import { type SanMatcher, secretsOf, type TlsVersions, versionsOf } from './tls-context.ts';

type Cluster = envoy.config.cluster.v3.Cluster;
type LbEndpoint = envoy.config.endpoint.v3.LbEndpoint;
type TransportSocket = envoy.config.core.v3.TransportSocket;
type UpstreamTls = envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;

/** TLS as a client's cluster speaks it. */
export interface SocketTls {
  /** `mesh`: the workload's own; `own`: one that a DestinationRule names; `none`: the client shows nothing. */
  readonly certificate: 'mesh' | 'own' | 'none';
  /** The SDS resource of what it shows; '' for nothing. */
  readonly shown: string;
  /** The SDS resource that it checks the server's certificate with; '': nothing is checked. */
  readonly authorities: string;
  /** Of these names the server's certificate must hold one. */
  readonly names: readonly SanMatcher[];
  /** What the Host of a request is to it: also the server name that is sent, and perhaps the one that is checked. */
  readonly ownHost: 'unused' | 'sent' | 'checked';
  readonly versions: TlsVersions;
  readonly sni: string;
  readonly alpn: readonly string[];
  /** Whether the client takes a server of this mesh identity for the one that it wants (secure naming). */
  readonly accepts: (identity: string | undefined) => boolean;
}

/** What a client's Envoy speaks to one endpoint of a cluster. */
export interface ClientSocket {
  /** Undefined: plaintext. */
  readonly tls: SocketTls | undefined;
  /** Says first who the client is (PROXY protocol): to whoever doesn't expect that, the first bytes mean nothing. */
  readonly announced: boolean;
}

/** Plaintext, and nothing before it. */
export const plainSocket: ClientSocket = { tls: undefined, announced: false };

/** One address of a cluster, as it was sent. */
export interface ClusterEndpoint {
  /** An IP address, a DNS name, or the path of a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly socket: ClientSocket;
}

/** The endpoints of a cluster with what is spoken to each; undefined where connections keep the address that they were meant for. */
export function clusterEndpoints(sent: Sent, cluster: Cluster): readonly ClusterEndpoint[] | undefined {
  const assignment = sent.find('endpoint', cluster.name ?? '') ?? cluster.loadAssignment;
  if (assignment === undefined && cluster.edsClusterConfig === undefined) return undefined;
  return (assignment?.endpoints ?? [])
    .flatMap(({ lbEndpoints = [] }) => lbEndpoints)
    .map((each) => {
      const { socketAddress, pipe } = each.endpoint?.address ?? {};
      return {
        address: socketAddress?.address ?? pipe?.path ?? '',
        port: socketAddress?.portValue ?? 0,
        socket: readSocket(socketOf(cluster, each), ownHostOf(cluster)),
      };
    });
}

/** What a cluster speaks to an address of which it knows nothing in particular. */
export const clusterSocket = (cluster: Cluster): ClientSocket =>
  readSocket(cluster.transportSocket, ownHostOf(cluster));

/** Whether it depends on the endpoint (auto mTLS). */
export const choosesPerEndpoint = ({ transportSocketMatches = [] }: Cluster): boolean =>
  transportSocketMatches.length > 0;

/** The first match that the endpoint's metadata fits, else the cluster's own. */
function socketOf(cluster: Cluster, { metadata }: LbEndpoint): TransportSocket | undefined {
  const labels = metadata?.filterMetadata?.['envoy.transport_socket_match']?.fields ?? {};
  const match = (cluster.transportSocketMatches ?? []).find(({ match: wanted }) =>
    Object.entries(wanted?.fields ?? {}).every(([key, value]) => labels[key]?.stringValue === value.stringValue),
  );
  return match?.transportSocket ?? cluster.transportSocket;
}

/** Whether a cluster takes the server name from the request. */
function ownHostOf({ typedExtensionProtocolOptions = {} }: Cluster): SocketTls['ownHost'] {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const { value } = typedExtensionProtocolOptions[name] ?? {};
  const { upstreamHttpProtocolOptions: options } = value === undefined ? {} : decode(name, value);
  if (options?.autoSni !== true) return 'unused';
  return options.autoSanValidation === true ? 'checked' : 'sent';
}

/** A socket that isn't known throws: a guess would be worse than no answer. */
function readSocket(socket: TransportSocket | undefined, ownHost: SocketTls['ownHost']): ClientSocket {
  const { type_url: url = '', value = new Uint8Array() } = socket?.typedConfig ?? {};
  if (url === '') return plainSocket;
  const type = typeOf(url);
  switch (type) {
    case 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer':
      return plainSocket;
    case 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport':
      return { ...readSocket(decode(type, value).transportSocket, ownHost), announced: true };
    case 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext':
      return { tls: readTls(decode(type, value), ownHost), announced: false };
    default:
      throw new Error(`unknown transport socket: ${url}`);
  }
}

function readTls({ sni = '', commonTlsContext = {} }: UpstreamTls, ownHost: SocketTls['ownHost']): SocketTls {
  const { certificates, authorities, names } = secretsOf(commonTlsContext);
  const [shown = ''] = certificates;
  return {
    certificate: shown === '' ? 'none' : shown === workloadSecret ? 'mesh' : 'own',
    shown,
    authorities,
    names,
    ownHost: sni === '' ? ownHost : 'unused',
    versions: versionsOf(commonTlsContext, 'client'),
    sni,
    alpn: commonTlsContext.alpnProtocols ?? [],
    accepts: (identity) =>
      identity !== undefined && names.some(({ matcher }) => matcher !== undefined && stringMatches(matcher, identity)),
  };
}
