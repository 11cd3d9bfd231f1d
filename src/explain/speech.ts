import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import type { Sent } from './compiled.ts';
import { stringMatches } from './matchers.ts';
import type { Destination, Server } from './server.ts';
import { managerOf } from './tcp-chain.ts';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** How a client reaches one server. */
export interface Speech {
  /** Undefined: plaintext. */
  readonly mtls: { readonly sni: string; readonly alpn: readonly string[] } | undefined;
  /** The connection manager that a request passes on its way out. */
  readonly manager: Manager | undefined;
  /** Whether the client takes a server of this identity for the one that it wants (secure naming). */
  readonly accepts: (identity: string | undefined) => boolean;
}

const plaintext: Speech = { mtls: undefined, manager: undefined, accepts: () => true };

/** What the sidecar of a client does with a call, by the cluster, endpoint and listener that it was sent. */
export function speechOf(
  sent: Sent | undefined,
  destination: Destination,
  server: Server,
  protocol: 'http' | 'tcp',
): Speech {
  // Addresses that no service owns pass through as they are.
  if (sent === undefined || destination.service === undefined) return plaintext;
  const { host, port, service } = destination;
  const name = `outbound|${port}||${host}`;
  const chain = outboundChain(sent, service.addresses, port, protocol);
  const manager = chain === undefined ? undefined : managerOf(chain);
  const socket = socketFor(sent, name, server);
  if (socket === undefined) return { ...plaintext, manager };
  const { sni = '', commonTlsContext = {} } = socket;
  const names = commonTlsContext.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames ?? [];
  return {
    mtls: { sni, alpn: overriddenAlpn(manager) ?? commonTlsContext.alpnProtocols ?? [] },
    manager,
    accepts: (identity) =>
      identity !== undefined && names.some(({ matcher }) => matcher !== undefined && stringMatches(matcher, identity)),
  };
}

type UpstreamTls = envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;

/** The TLS that the endpoint's metadata chooses; undefined for none. */
function socketFor(sent: Sent, name: string, { address, port }: Server): UpstreamTls | undefined {
  const cluster = sent.find('cluster', name);
  const endpoints = (sent.find('endpoint', name)?.endpoints ?? []).flatMap(({ lbEndpoints = [] }) => lbEndpoints);
  const endpoint = endpoints.find(({ endpoint: each }) => {
    const { address: at, portValue } = each?.address?.socketAddress ?? {};
    return at === address && portValue === port;
  });
  const labels = endpoint?.metadata?.filterMetadata?.['envoy.transport_socket_match']?.fields ?? {};
  const match = (cluster?.transportSocketMatches ?? []).find(({ match: wanted }) =>
    Object.entries(wanted?.fields ?? {}).every(([key, value]) => labels[key]?.stringValue === value.stringValue),
  );
  const config = match?.transportSocket?.typedConfig;
  const type = typeOf(config?.type_url ?? '');
  if (type !== 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext') return undefined;
  return decode(type, config?.value ?? new Uint8Array());
}

/** The chain that takes HTTP on its way to a service: the port's listener, or the address's own. */
function outboundChain(sent: Sent, addresses: readonly string[], port: number, protocol: 'http' | 'tcp') {
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
