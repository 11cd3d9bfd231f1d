import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import { type ClientSocket, clusterEndpoints, clusterSocket, plainSocket, type SocketTls } from './client-socket.ts';
import type { Sent } from './compiled.ts';
import type { Server } from './server.ts';
import { managerOf } from './tcp-chain.ts';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** How a client reaches one server. */
export interface Speech {
  /** Undefined: plaintext. */
  readonly tls: SocketTls | undefined;
  /** Says who the client is before anything else (PROXY protocol). */
  readonly announced: boolean;
  /** The connection manager that a request passes on its way out. */
  readonly manager: Manager | undefined;
}

/** Where a client's Envoy sends a call. */
export interface Outgoing {
  readonly cluster: string;
  /** Addresses that the call may be meant for before it is taken: of the service, or of a pod of a headless one. */
  readonly addresses: readonly string[];
  /** As the client writes it. */
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
}

/** What bytes that nothing was done to look like. */
export const asTheyAre: Speech = { ...plainSocket, manager: undefined };

/** What the sidecar of a client does with a call, by the cluster, endpoint and listener that it was sent. */
export function speechOf(sent: Sent, outgoing: Outgoing, server: Pick<Server, 'address' | 'port'>): Speech {
  return speechOver(socketTo(sent, outgoing.cluster, server), outgoingManager(sent, outgoing));
}

/** The same where the socket is known; a connection manager may say what its TLS carries. */
export function speechOver({ tls, announced }: ClientSocket, manager: Manager | undefined): Speech {
  const alpn = overriddenAlpn(manager);
  return { tls: tls && alpn !== undefined ? { ...tls, alpn } : tls, announced, manager };
}

/** The connection manager that HTTP passes on its way out. */
export function outgoingManager(sent: Sent, outgoing: Outgoing): Manager | undefined {
  const chain = outboundChain(sent, outgoing);
  return chain === undefined ? undefined : managerOf(chain);
}

/** What a cluster speaks to one of its endpoints. */
function socketTo(sent: Sent, name: string, { address, port }: Pick<Server, 'address' | 'port'>): ClientSocket {
  const cluster = sent.find('cluster', name);
  if (cluster === undefined) return plainSocket;
  const endpoint = clusterEndpoints(sent, cluster)?.find((each) => each.address === address && each.port === port);
  return endpoint?.socket ?? clusterSocket(cluster);
}

/** The chain that takes HTTP on its way to a service: the port's listener, or the address's own. */
function outboundChain(sent: Sent, { addresses, port, protocol }: Outgoing) {
  if (protocol === 'tcp') return undefined;
  for (const address of [...addresses, '0.0.0.0']) {
    const listener = sent.find('listener', `${address}_${port}`);
    const chain = (listener?.filterChains ?? []).find((each) => managerOf(each) !== undefined);
    if (chain !== undefined) return chain;
    if (listener !== undefined) return undefined;
  }
  return undefined;
}

/** On a sniffed port the HTTP chain says by filter state what the TLS carries. */
function overriddenAlpn(manager: Manager | undefined): readonly string[] | undefined {
  for (const { typedConfig } of manager?.httpFilters ?? []) {
    const type = typeOf(typedConfig?.type_url ?? '');
    if (type !== 'envoy.extensions.filters.http.set_filter_state.v3.Config') continue;
    const { onRequestHeaders = [] } = decode(type, typedConfig?.value ?? new Uint8Array());
    const alpn = onRequestHeaders.find(({ objectKey }) => objectKey === 'envoy.network.application_protocols');
    const text = alpn?.formatString?.textFormatSource?.inlineString;
    if (text !== undefined) return text.split(',');
  }
  return undefined;
}
