import { any, envoy, fromJson } from '@envoyproxy/protos';
import type { AccessLogSettings } from '../../model/mesh.ts';
import { jwtFailureKey, unknownKeyMessage } from './jwt-authn.ts';
import { jwtMetadata } from './metadata-matcher.ts';
import { auditPrefix, dryRunPrefix, rbacMetadata, shadowResult } from './rbac.ts';
import { seconds } from './sources.ts';

type AccessLog = envoy.config.accesslog.v3.AccessLog;
type AccessLogFilter = envoy.config.accesslog.v3.AccessLogFilter;
type ValueMatcher = envoy.type.matcher.v3.ValueMatcher;
type Content = 'http' | 'tcp';

/** Name that the control plane's own log goes by. */
export const reportLog = 'coxswain';
/** Static cluster that leads to the control plane (agent/bootstrap-xds-cluster.ts). */
const controlPlaneCluster = 'xds-grpc';

/**
 * The access logs of a chain: the sidecar's own file, where the mesh wants one, and on the way in the reports to the control
 * plane. They depend on mesh settings alone, so that no policy edit drains a chain.
 */
export function accessLogs(
  content: Content,
  direction: 'inbound' | 'outbound',
  settings: AccessLogSettings,
): readonly AccessLog[] {
  const file = settings.file === '' ? [] : [fileLog(settings)];
  return direction === 'inbound' ? [...file, reports[content]] : file;
}

function reportOf(content: Content): AccessLog {
  const commonConfig = {
    logName: reportLog,
    grpcService: { envoyGrpc: { clusterName: controlPlaneCluster } },
    transportApiVersion: envoy.config.core.v3.ApiVersion.V3,
    bufferFlushInterval: seconds(1),
  };
  const typedConfig =
    content === 'http'
      ? any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', { commonConfig })
      : any('envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', { commonConfig });
  return { name: `envoy.access_loggers.${content}_grpc`, filter: worthReporting(content), typedConfig };
}

/** What a dry run would do, what an audit is for, and a token whose key we should fetch; Envoy sends nothing else. */
function worthReporting(content: Content): AccessLogFilter {
  const rbac = rbacMetadata[content];
  const filters = [
    metadata(rbac, [`${dryRunPrefix.ALLOW}${shadowResult}`], { presentMatch: true }),
    metadata(rbac, [`${dryRunPrefix.DENY}${shadowResult}`], { presentMatch: true }),
    metadata(rbac, [`${auditPrefix}${shadowResult}`], { stringMatch: { exact: 'denied' } }),
    ...(content === 'http'
      ? [metadata(jwtMetadata, [jwtFailureKey, 'message'], { stringMatch: { exact: unknownKeyMessage } })]
      : []),
  ];
  return { orFilter: { filters } };
}

function metadata(filter: string, path: readonly string[], value: ValueMatcher): AccessLogFilter {
  return {
    metadataFilter: {
      matcher: { filter, path: path.map((key) => ({ key })), value },
      matchIfKeyNotFound: { value: false },
    },
  };
}

const reports = { http: reportOf('http'), tcp: reportOf('tcp') } as const;

/** What a line of the sidecar's log says; the details name the policy that denied. */
const textFormat = [
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%"',
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"',
  '%UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %DOWNSTREAM_PEER_URI_SAN% %ROUTE_NAME%\n',
].join(' ');

const jsonFormat = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  downstream_peer_uri_san: '%DOWNSTREAM_PEER_URI_SAN%',
  route_name: '%ROUTE_NAME%',
};

function fileLog({ file, encoding, format }: AccessLogSettings): AccessLog {
  const logFormat =
    encoding === 'JSON'
      ? { jsonFormat: fromJson('google.protobuf.Struct', format === '' ? jsonFormat : JSON.parse(format)) }
      : { textFormatSource: { inlineString: format === '' ? textFormat : format } };
  switch (file) {
    // By the stream itself: to open it by its name fails where it is a socket, and then the whole listener is refused.
    case '/dev/stdout':
      return { name: 'envoy.access_loggers.stdout', typedConfig: any(`${streams}.StdoutAccessLog`, { logFormat }) };
    case '/dev/stderr':
      return { name: 'envoy.access_loggers.stderr', typedConfig: any(`${streams}.StderrAccessLog`, { logFormat }) };
    default:
      return {
        name: 'envoy.access_loggers.file',
        typedConfig: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: file, logFormat }),
      };
  }
}

const streams = 'envoy.extensions.access_loggers.stream.v3';
