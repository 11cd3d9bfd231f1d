import { any, envoy } from '@envoyproxy/protos';

type TransportSocket = envoy.config.core.v3.TransportSocket;

/** Plaintext, said aloud: what another socket wraps. */
export const rawSocket: TransportSocket = {
  name: 'envoy.transport_sockets.raw_buffer',
  typedConfig: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
};

/** The same socket, which first tells the server who the client is (PROXY protocol); as it is where no version is asked for. */
export function withProxyProtocol(transportSocket: TransportSocket, version: 'V1' | 'V2' | undefined): TransportSocket {
  if (version === undefined) return transportSocket;
  const { Version } = envoy.config.core.v3.ProxyProtocolConfig;
  return {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    typedConfig: any('envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
      config: { version: Version[version] },
      transportSocket,
    }),
  };
}
