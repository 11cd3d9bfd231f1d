import { encode, type envoy, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { type AccessLogSettings, defaultMesh } from '../../../../src/model/mesh.ts';
import { accessLogs } from '../../../../src/translate/envoy/access-log.ts';

const { accessLog: noFile } = defaultMesh;
const toFile: AccessLogSettings = { file: '/var/log/envoy.log', encoding: 'TEXT', format: '' };

function json(logs: readonly envoy.config.accesslog.v3.AccessLog[]): readonly Readonly<Record<string, unknown>>[] {
  return logs.map((log) => Object(toJson('envoy.config.accesslog.v3.AccessLog', log, { protoNames: true })));
}

/** Keys of the metadata that one of the filters looks for, with what it must be. */
const wanted = (filter: string, path: readonly string[], value: object): object => ({
  metadata_filter: {
    matcher: { filter, path: path.map((key) => ({ key })), value },
    match_if_key_not_found: false,
  },
});

describe('access logs', () => {
  it('report to the control plane only what a dry run, an AUDIT or an unknown key is about', () => {
    const [http] = json(accessLogs('http', 'inbound', noFile));
    const [tcp] = json(accessLogs('tcp', 'inbound', noFile));
    const rbac = (filter: string): readonly object[] => [
      wanted(filter, ['istio_dry_run_allow_shadow_engine_result'], { present_match: true }),
      wanted(filter, ['istio_dry_run_deny_shadow_engine_result'], { present_match: true }),
      wanted(filter, ['coxswain_audit_shadow_engine_result'], { string_match: { exact: 'denied' } }),
    ];
    const key = wanted('envoy.filters.http.jwt_authn', ['coxswain_jwt_failure', 'message'], {
      string_match: { exact: "Jwks doesn't have key to match kid or alg from Jwt" },
    });
    expect([http?.['filter'], tcp?.['filter']]).to.deep.equal([
      { or_filter: { filters: [...rbac('envoy.filters.http.rbac'), key] } },
      { or_filter: { filters: rbac('envoy.filters.network.rbac') } },
    ]);
    expect([http, tcp].map((log) => log?.['typed_config'])).to.deep.equal(
      ['Http', 'Tcp'].map((kind) => ({
        '@type': `type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.${kind}GrpcAccessLogConfig`,
        common_config: {
          log_name: 'coxswain',
          grpc_service: { envoy_grpc: { cluster_name: 'xds-grpc' } },
          transport_api_version: 'V3',
          buffer_flush_interval: '1s',
        },
      })),
    );
  });

  it('are the same bytes for the same settings, and none for the way out', () => {
    const bytes = () =>
      accessLogs('http', 'inbound', { ...noFile }).map((log) =>
        Buffer.from(encode('envoy.config.accesslog.v3.AccessLog', log)).toString('base64'),
      );
    expect(bytes()).to.deep.equal(bytes());
    expect(accessLogs('http', 'outbound', noFile)).to.deep.equal([]);
  });

  it('go to a file both ways, with what names a policy that denied', () => {
    const logs = (['inbound', 'outbound'] as const).map((direction) => json(accessLogs('tcp', direction, toFile)));
    expect(logs.map((each) => each.map(({ name }) => name))).to.deep.equal([
      ['envoy.access_loggers.file', 'envoy.access_loggers.tcp_grpc'],
      ['envoy.access_loggers.file'],
    ]);
    const formats = (['TEXT', 'JSON'] as const).map((encoding) =>
      JSON.stringify(json(accessLogs('http', 'outbound', { ...toFile, encoding }))),
    );
    for (const format of formats) {
      expect(format).to.contain('%RESPONSE_CODE_DETAILS%').and.to.contain('%CONNECTION_TERMINATION_DETAILS%');
    }
  });

  it('take a format of the mesh', () => {
    const [text] = json(accessLogs('http', 'outbound', { ...toFile, format: '%PROTOCOL%\n' }));
    const [object] = json(
      accessLogs('http', 'outbound', { ...toFile, encoding: 'JSON', format: '{"p":"%PROTOCOL%"}' }),
    );
    expect([text, object].map((log) => log?.['typed_config'])).to.deep.equal([
      {
        '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
        path: '/var/log/envoy.log',
        log_format: { text_format_source: { inline_string: '%PROTOCOL%\n' } },
      },
      {
        '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
        path: '/var/log/envoy.log',
        log_format: { json_format: { p: '%PROTOCOL%' } },
      },
    ]);
  });
});
