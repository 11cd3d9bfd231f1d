import { decode, envoy, type google } from '@envoyproxy/protos';
import { jwtFailureKey, unknownKeyMessage } from '../translate/envoy/jwt-authn.ts';
import { jwtMetadata } from '../translate/envoy/metadata-matcher.ts';
import { auditPrefix, dryRunPrefix, rbacMetadata, shadowResult } from '../translate/envoy/rbac.ts';
import type { RbacFacts, Shadow } from './verdict.ts';

type Http = envoy.data.accesslog.v3.HTTPAccessLogEntry;
type Tcp = envoy.data.accesslog.v3.TCPAccessLogEntry;
type Common = envoy.data.accesslog.v3.AccessLogCommon;
type Fields = Readonly<Record<string, google.protobuf.Value>>;

/** One request, or one TCP connection that ended, as a sidecar tells of it: only what is used, so no header and no token. */
export interface Report {
  readonly kind: 'http' | 'tcp';
  /** When it came, ms since the epoch, by the sidecar's clock. */
  readonly at: number;
  readonly latencyMs: number;
  /** URI in the verified certificate of the caller; '' over plaintext. */
  readonly peer: string;
  /** Address of the connection's other end. */
  readonly address: string;
  /** The port that the caller reached. */
  readonly port: number;
  /** '' for TCP, as is the path; that is as it came, with its query. */
  readonly method: string;
  readonly path: string;
  /** 0 for TCP. */
  readonly code: number;
  readonly responseBytes: number;
  /** Which RBAC filter refused it. */
  readonly deniedBy: RbacFacts['deniedBy'];
  /** Undefined where no dry run is in force. */
  readonly rbac: RbacFacts | undefined;
  /** The AUDIT rule that matched; '' for none. */
  readonly audit: string;
  /** It brought a token whose key the issuer's key set lacks. */
  readonly unknownKey: boolean;
}

/**
 * The entries of one message of `StreamAccessLogs`. Envoy says of an HTTP request which ALLOW policy matched; of a TCP connection
 * it doesn't, so the caller says whether an enforced one is there: what got through then matched it. Throws on what is no such message.
 */
export function readReports(bytes: Uint8Array, enforcedAllow: () => boolean): readonly Report[] {
  const { httpLogs, tcpLogs } = decode('envoy.service.accesslog.v3.StreamAccessLogsMessage', bytes);
  return [
    ...(httpLogs?.logEntry ?? []).map(ofHttp),
    ...(tcpLogs?.logEntry ?? []).map((entry) => ofTcp(entry, enforcedAllow)),
  ];
}

function ofHttp({ commonProperties = {}, request = {}, response = {} }: Http): Report {
  const fields = fieldsOf(commonProperties, rbacMetadata.http);
  const audit = auditOf(fields);
  const deniedBy = deniedByOf(response.responseCodeDetails ?? '');
  // The AUDIT filter leaves its rule under the same key, and no later filter takes it away.
  const rule = textOf(fields, 'enforced_effective_policy_id');
  const matched = deniedBy === 'nobody' && rule !== '' && rule !== audit;
  return {
    kind: 'http',
    ...commonOf(commonProperties),
    method: methodOf(request),
    path:
      request.originalPath === undefined || request.originalPath === '' ? (request.path ?? '') : request.originalPath,
    code: response.responseCode?.value ?? 0,
    responseBytes: numberOf(response.responseBodyBytes),
    deniedBy,
    rbac: factsOf(fields, deniedBy, matched),
    audit,
    unknownKey: unknownKeyOf(commonProperties),
  };
}

function ofTcp({ commonProperties = {}, connectionProperties = {} }: Tcp, enforcedAllow: () => boolean): Report {
  const fields = fieldsOf(commonProperties, rbacMetadata.tcp);
  const deniedBy = deniedByOf(commonProperties.connectionTerminationDetails ?? '');
  return {
    kind: 'tcp',
    ...commonOf(commonProperties),
    method: '',
    path: '',
    code: 0,
    responseBytes: numberOf(connectionProperties.sentBytes),
    deniedBy,
    rbac: factsOf(fields, deniedBy, deniedBy === 'nobody' && enforcedAllow()),
    audit: auditOf(fields),
    unknownKey: false,
  };
}

function commonOf(common: Common): Pick<Report, 'at' | 'latencyMs' | 'peer' | 'address' | 'port'> {
  return {
    at: Math.floor(secondsOf(common.startTime) * 1_000),
    latencyMs: Math.max(0, secondsOf(common.duration) * 1_000),
    peer: peerOf(common),
    address: common.downstreamDirectRemoteAddress?.socketAddress?.address ?? '',
    port: common.downstreamLocalAddress?.socketAddress?.portValue ?? 0,
  };
}

/** What a certificate says counts only where the handshake went well. */
function peerOf({ tlsProperties, downstreamTransportFailureReason = '' }: Common): string {
  if (downstreamTransportFailureReason !== '') return '';
  const [uri = ''] = (tlsProperties?.peerCertificateProperties?.subjectAltName ?? []).flatMap(({ uri }) => uri ?? []);
  return uri;
}

const deniedPattern = /^rbac_access_denied_matched_policy\[(.*)\]$/;

/** Envoy's words for a request that RBAC refused: with the rule of a DENY, or `none` where no ALLOW matched. */
function deniedByOf(details: string): RbacFacts['deniedBy'] {
  const [, rule] = deniedPattern.exec(details) ?? [];
  if (rule === undefined) return 'nobody';
  return rule === 'none' ? 'allow' : 'deny';
}

function factsOf(fields: Fields, deniedBy: RbacFacts['deniedBy'], matched: boolean): RbacFacts | undefined {
  const dryRunDeny = shadowOf(fields, dryRunPrefix.DENY, 'denied');
  const dryRunAllow = shadowOf(fields, dryRunPrefix.ALLOW, 'allowed');
  if (dryRunDeny.kind === 'absent' && dryRunAllow.kind === 'absent') return undefined;
  const allow = deniedBy === 'allow' ? 'unmatched' : matched ? 'matched' : 'none';
  return { deniedBy, allow, dryRunDeny, dryRunAllow };
}

/** `match`: the result that says that a rule matched. */
function shadowOf(fields: Fields, prefix: string, match: 'allowed' | 'denied'): Shadow {
  const result = textOf(fields, `${prefix}${shadowResult}`);
  if (result !== 'allowed' && result !== 'denied') return { kind: 'absent' };
  return result === match ? { kind: 'matched', rule: textOf(fields, `${prefix}${shadowRule}`) } : { kind: 'unmatched' };
}

const shadowRule = 'shadow_effective_policy_id';

function auditOf(fields: Fields): string {
  return textOf(fields, `${auditPrefix}${shadowResult}`) === 'denied'
    ? textOf(fields, `${auditPrefix}${shadowRule}`)
    : '';
}

function unknownKeyOf(common: Common): boolean {
  const failure = fieldsOf(common, jwtMetadata)[jwtFailureKey]?.structValue?.fields ?? {};
  return textOf(failure, 'message') === unknownKeyMessage;
}

function fieldsOf({ metadata }: Common, filter: string): Fields {
  const filters = metadata?.filterMetadata ?? {};
  return (Object.hasOwn(filters, filter) ? filters[filter]?.fields : undefined) ?? {};
}

function textOf(fields: Fields, key: string): string {
  return (Object.hasOwn(fields, key) ? fields[key]?.stringValue : undefined) ?? '';
}

function secondsOf(time: google.protobuf.Timestamp | google.protobuf.Duration | undefined): number {
  return numberOf(time?.seconds) + (time?.nanos ?? 0) / 1e9;
}

function numberOf(value: unknown): number {
  return value === undefined ? 0 : Number(value);
}

/** The enum knows the usual ones; Envoy reports any other as unspecified. */
function methodOf({ requestMethod = 0 }: envoy.data.accesslog.v3.HTTPRequestProperties): string {
  const [name = ''] =
    Object.entries(envoy.config.core.v3.RequestMethod).find(([, value]) => value === requestMethod) ?? [];
  return name === 'METHOD_UNSPECIFIED' || name === '' ? 'OTHER' : name;
}
