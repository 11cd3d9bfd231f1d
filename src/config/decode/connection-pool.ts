import type { ConnectionPool } from '../../model/traffic-policy.ts';
import { readDuration } from './duration.ts';
import type { Field } from './field.ts';

const most = 2_147_483_647;

/** `connectionPool` of a traffic policy: limits of what a client has open to a destination. */
export function readConnectionPool(field: Field): ConnectionPool | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['tcp', 'http']);
  if (fields === undefined) return undefined;
  const tcp = fields
    .get('tcp')
    .fields(['maxConnections', 'connectTimeout', 'tcpKeepalive', 'maxConnectionDuration', 'idleTimeout']);
  const http = fields
    .get('http')
    .fields([
      'http1MaxPendingRequests',
      'http2MaxRequests',
      'maxRequestsPerConnection',
      'maxRetries',
      'idleTimeout',
      'h2UpgradePolicy',
      'useClientProtocol',
      'maxConcurrentStreams',
      'http2KeepAlive',
    ]);
  /** In the API 0 is "not set", and for retries and requests "Envoy's own limit" is never wanted, so it means no limit. */
  const limit = (value: Field | undefined, max = most): number | undefined => value?.integer(0, max) || undefined;
  const pings = http?.get('http2KeepAlive').fields(['interval', 'timeout']);
  const pingInterval = pings === undefined ? undefined : readDuration(pings.get('interval'));
  if (pings !== undefined && pingInterval === undefined && !pings.get('interval').written)
    http?.get('http2KeepAlive').error('missing-field', 'interval is required', 'say how often to ping');
  const h2Upgrade = http?.get('h2UpgradePolicy').oneOf(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'] as const) ?? 'DEFAULT';
  const useClientProtocol = http?.get('useClientProtocol').boolean() ?? false;
  if (h2Upgrade === 'UPGRADE' && useClientProtocol)
    http
      ?.get('h2UpgradePolicy')
      .warning('no-effect', 'with useClientProtocol the client decides, and nothing is upgraded', 'remove one of them');
  const keepalive = tcp?.get('tcpKeepalive').fields(['probes', 'time', 'interval']);
  return {
    maxConnections: limit(tcp?.get('maxConnections')),
    connectTimeoutMs: tcp && readDuration(tcp.get('connectTimeout')),
    keepalive: keepalive && {
      probes: limit(keepalive.get('probes')),
      timeMs: readDuration(keepalive.get('time')),
      intervalMs: readDuration(keepalive.get('interval')),
    },
    maxConnectionDurationMs: tcp && readDuration(tcp.get('maxConnectionDuration')),
    tcpIdleTimeoutMs: tcp && readDuration(tcp.get('idleTimeout'), { zero: true }),
    maxPendingRequests: limit(http?.get('http1MaxPendingRequests')),
    maxRequests: limit(http?.get('http2MaxRequests')),
    maxRequestsPerConnection: limit(http?.get('maxRequestsPerConnection')),
    maxRetries: limit(http?.get('maxRetries')),
    httpIdleTimeoutMs: http && readDuration(http.get('idleTimeout'), { zero: true }),
    h2Upgrade,
    useClientProtocol,
    maxConcurrentStreams: limit(http?.get('maxConcurrentStreams')),
    http2KeepAlive:
      pings && pingInterval !== undefined
        ? { intervalMs: pingInterval, timeoutMs: readDuration(pings.get('timeout')) }
        : undefined,
  };
}
