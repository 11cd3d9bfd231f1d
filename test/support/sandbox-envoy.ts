/**
 * A whole Envoy configuration for a sandbox pod, without a control plane: it passes on what the interception rules bring,
 * and counts it. The smallest thing that shows whether the rules are right.
 */
export function passthroughEnvoy(): string {
  return JSON.stringify({
    admin: { address: address('127.0.0.1', 15000) },
    static_resources: {
      listeners: [
        {
          name: 'inbound',
          address: address('0.0.0.0', 15006),
          listener_filters: [originalDestination],
          filter_chains: [
            { filter_chain_match: { destination_port: 15006 }, filters: [tcpProxy('blackhole', 'blackhole')] },
            { filter_chain_match: { destination_port: 15001 }, filters: [tcpProxy('blackhole', 'blackhole')] },
          ],
          default_filter_chain: { filters: [tcpProxy('inbound', 'inbound')] },
        },
        {
          name: 'outbound',
          address: address('0.0.0.0', 15001),
          listener_filters: [originalDestination],
          filter_chains: [
            { filter_chain_match: { destination_port: 15001 }, filters: [tcpProxy('blackhole', 'blackhole')] },
          ],
          default_filter_chain: { filters: [tcpProxy('outbound', 'outbound')] },
        },
        { name: 'health', address: address('0.0.0.0', 15021), filter_chains: [{ filters: [alwaysReady] }] },
      ],
      clusters: [
        { name: 'blackhole', type: 'STATIC', connect_timeout: '1s' },
        {
          name: 'inbound',
          type: 'ORIGINAL_DST',
          lb_policy: 'CLUSTER_PROVIDED',
          connect_timeout: '1s',
          upstream_bind_config: { source_address: { address: '127.0.0.6', port_value: 0 } },
        },
        { name: 'outbound', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s' },
      ],
    },
  });
}

const address = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });

const originalDestination = {
  name: 'original_dst',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
  },
};

const tcpProxy = (cluster: string, stats: string) => ({
  name: 'tcp',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: stats,
    cluster,
  },
});

const alwaysReady = {
  name: 'http',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'health',
    route_config: {
      virtual_hosts: [
        { name: 'any', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
      ],
    },
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  },
};
