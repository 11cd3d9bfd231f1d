import { any, type envoy } from '@envoyproxy/protos';
import type { Protocol } from '../../model/service.ts';
import type { ConnectionPool } from '../../model/traffic-policy.ts';
import { milliseconds } from './sources.ts';

type Options = envoy.config.cluster.v3.Cluster['typedExtensionProtocolOptions'];
type HttpProtocolOptions = envoy.extensions.upstreams.http.v3.HttpProtocolOptions;
type Http2Options = envoy.config.core.v3.Http2ProtocolOptions;

/** What the Host of a request is to the TLS that carries it: nothing, the name that is sent, or also the one that is checked. */
export type OwnHost = 'unused' | 'sent' | 'checked';

/** What the HTTP side of a cluster depends on. */
export interface UpstreamHttp {
  readonly protocol: Protocol;
  readonly pool: ConnectionPool | undefined;
  readonly ownHost: OwnHost;
}

function typed(options: HttpProtocolOptions): NonNullable<Options> {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { [name]: any(name, options) };
}

const http2Alone = typed({ explicitHttpConfig: { http2ProtocolOptions: {} } });
/** The application gets the version of HTTP that the client spoke. */
export const sniffedOptions = typed({
  useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
});

/** Does a cluster speak HTTP/2 to what its Service port declares, or what a rule upgrades? */
export function speaksHttp2(protocol: Protocol, pool: ConnectionPool | undefined): boolean {
  return protocol === 'http2' || protocol === 'grpc' || (protocol === 'http' && pool?.h2Upgrade === 'UPGRADE');
}

/** Which HTTP a cluster speaks, and its limits; undefined is HTTP/1.1 without any. */
export function upstreamOptions({ protocol, pool, ownHost }: UpstreamHttp): Options | undefined {
  const http2 = speaksHttp2(protocol, pool);
  const commonHttpProtocolOptions = limits(pool);
  const http2ProtocolOptions = http2Options(pool);
  const plain = commonHttpProtocolOptions === undefined && http2ProtocolOptions === undefined && ownHost === 'unused';
  const asClient = protocol === 'auto' || (protocol === 'http' && pool?.useClientProtocol === true);
  if (plain && asClient) return sniffedOptions;
  if (plain && http2) return http2Alone;
  if (plain || protocol === 'tcp' || protocol === 'tls') {
    return commonHttpProtocolOptions === undefined
      ? undefined
      : typed({ explicitHttpConfig: { httpProtocolOptions: {} }, commonHttpProtocolOptions });
  }
  return typed({
    ...(asClient
      ? { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: http2ProtocolOptions ?? {} } }
      : {
          explicitHttpConfig: http2
            ? { http2ProtocolOptions: http2ProtocolOptions ?? {} }
            : { httpProtocolOptions: {} },
        }),
    ...(commonHttpProtocolOptions === undefined ? {} : { commonHttpProtocolOptions }),
    ...(ownHost === 'unused'
      ? {}
      : {
          upstreamHttpProtocolOptions: { autoSni: true, ...(ownHost === 'checked' ? { autoSanValidation: true } : {}) },
        }),
  });
}

function limits(pool: ConnectionPool | undefined): envoy.config.core.v3.HttpProtocolOptions | undefined {
  const options = {
    ...(pool?.httpIdleTimeoutMs === undefined ? {} : { idleTimeout: milliseconds(pool.httpIdleTimeoutMs) }),
    ...(pool?.maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDuration: milliseconds(pool.maxConnectionDurationMs) }),
    ...(pool?.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: { value: pool.maxRequestsPerConnection } }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

function http2Options(pool: ConnectionPool | undefined): Http2Options | undefined {
  const options = {
    ...(pool?.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: { value: pool.maxConcurrentStreams } }),
    ...(pool?.http2KeepAlive === undefined
      ? {}
      : {
          connectionKeepalive: {
            interval: milliseconds(pool.http2KeepAlive.intervalMs),
            // Envoy demands one.
            timeout: milliseconds(pool.http2KeepAlive.timeoutMs ?? pool.http2KeepAlive.intervalMs),
          },
        }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}
