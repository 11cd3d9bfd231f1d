import { encode, type envoy, type google } from '@envoyproxy/protos';
import { node } from './xds-grpc.ts';

type Http = envoy.data.accesslog.v3.HTTPAccessLogEntry;
type Tcp = envoy.data.accesslog.v3.TCPAccessLogEntry;
type Common = envoy.data.accesslog.v3.AccessLogCommon;

/** What an entry is to say, in short. */
export interface Entry {
  readonly path?: string;
  readonly code?: number;
  readonly details?: string;
  readonly peer?: string;
  readonly address?: string;
  readonly at?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly jwtFailure?: string;
  readonly more?: Common;
}

/** An HTTP entry as Envoy 1.36 and 1.40 send it. */
export function httpEntry(entry: Entry): Http {
  const { path = '/a', code = 200, details = 'via_upstream' } = entry;
  return {
    commonProperties: common(entry, 'envoy.filters.http.rbac'),
    request: { requestMethod: 1, path },
    response: { responseCode: { value: code }, responseCodeDetails: details, responseBodyBytes: 19 },
  };
}

/** The end of a TCP connection. */
export function tcpEntry(entry: Entry): Tcp {
  const more = entry.details === undefined ? {} : { connectionTerminationDetails: entry.details };
  return {
    commonProperties: { ...common(entry, 'envoy.filters.network.rbac'), ...more },
    connectionProperties: { sentBytes: 5 },
  };
}

function common(
  { peer = '', address = '10.0.0.2', at = 1_000, fields = {}, jwtFailure, more }: Entry,
  filter: string,
): Common {
  const failure = jwtFailure === undefined ? {} : { 'envoy.filters.http.jwt_authn': { fields: failed(jwtFailure) } };
  return {
    startTime: { seconds: Math.floor(at / 1_000), nanos: (at % 1_000) * 1e6 },
    duration: { nanos: 2_500_000 },
    downstreamDirectRemoteAddress: { socketAddress: { address, portValue: 40_000 } },
    downstreamRemoteAddress: { socketAddress: { address: '203.0.113.9' } },
    downstreamLocalAddress: { socketAddress: { address: '10.0.0.1', portValue: 8_080 } },
    ...(peer === '' ? {} : { tlsProperties: { peerCertificateProperties: { subjectAltName: [{ uri: peer }] } } }),
    metadata: { filterMetadata: { [filter]: { fields: texts(fields) }, ...failure } },
    ...more,
  };
}

function failed(message: string): Record<string, google.protobuf.Value> {
  return {
    coxswain_jwt_failure: { structValue: { fields: { code: { numberValue: 11 }, message: { stringValue: message } } } },
  };
}

function texts(fields: Readonly<Record<string, string>>): Record<string, google.protobuf.Value> {
  return Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, { stringValue: text }]));
}

/** A message of these entries; the first of a stream says whose they are. */
export function logMessage(
  entries: { readonly http?: readonly Http[]; readonly tcp?: readonly Tcp[] },
  from?: { readonly name: string; readonly namespace: string; readonly log?: string },
): Uint8Array {
  const identifier =
    from === undefined
      ? {}
      : { identifier: { node: node(from.name, from.namespace), logName: from.log ?? 'coxswain' } };
  const logs =
    entries.tcp === undefined ? { httpLogs: { logEntry: entries.http ?? [] } } : { tcpLogs: { logEntry: entries.tcp } };
  return encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', { ...identifier, ...logs });
}

/** What the shadow rules of dry runs leave behind; a rule's name means that it matched. */
export function shadowFields(deny: string | undefined, allow: string | undefined): Readonly<Record<string, string>> {
  return {
    ...(deny === undefined ? {} : fields('istio_dry_run_deny_', deny === '' ? 'allowed' : 'denied', deny)),
    ...(allow === undefined ? {} : fields('istio_dry_run_allow_', allow === '' ? 'denied' : 'allowed', allow)),
  };
}

function fields(prefix: string, result: string, rule: string): Readonly<Record<string, string>> {
  const named = rule === '' ? {} : { [`${prefix}shadow_effective_policy_id`]: rule };
  return { [`${prefix}shadow_engine_result`]: result, ...named };
}
