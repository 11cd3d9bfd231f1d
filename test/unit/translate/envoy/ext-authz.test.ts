import { expect } from 'chai';
import { httpExtAuthz, networkExtAuthz } from '../../../../src/translate/envoy/ext-authz.ts';
import { grpcAuthorizer, httpAuthorizer } from '../../../support/objects.ts';

const host = 'asker.bar.svc.cluster.local';
const matched = (kind: 'http' | 'network', provider: string) => ({
  filter: `envoy.filters.${kind}.rbac`,
  path: [{ key: `istio_ext_authz_${provider}_shadow_engine_result` }],
  value: { stringMatch: { exact: 'denied' } },
});

describe('httpExtAuthz', () => {
  it('asks over gRPC', () => {
    const provider = grpcAuthorizer('opa', host, {
      timeoutMs: 1_500,
      failOpen: true,
      statusOnError: 503,
      body: { maxRequestBytes: 10, allowPartialMessage: true, packAsBytes: true },
      clearRouteCache: true,
    });
    expect(httpExtAuthz(provider)).to.deep.equal({
      grpcService: {
        envoyGrpc: { clusterName: `outbound|9000||${host}`, authority: `${host}:9000` },
        timeout: { seconds: 1, nanos: 500_000_000 },
      },
      transportApiVersion: 2,
      failureModeAllow: true,
      statusOnError: { code: 503 },
      withRequestBody: { maxRequestBytes: 10, allowPartialMessage: true, packAsBytes: true },
      clearRouteCache: true,
      includePeerCertificate: true,
      filterEnabledMetadata: matched('http', 'opa'),
    });
  });

  it('asks over HTTP, and says no more than it must', () => {
    expect(httpExtAuthz(httpAuthorizer('login', host))).to.deep.equal({
      httpService: {
        serverUri: { uri: `http://${host}:80`, cluster: `outbound|80||${host}`, timeout: { seconds: 600, nanos: 0 } },
        pathPrefix: '',
      },
      transportApiVersion: 2,
      failureModeAllow: false,
      statusOnError: { code: 403 },
      includePeerCertificate: true,
      filterEnabledMetadata: matched('http', 'login'),
    });
  });

  it('names headers without regard to case, and adds those of the mesh as they stand', () => {
    const { httpService, allowedHeaders } = httpExtAuthz(
      httpAuthorizer('login', host, {
        pathPrefix: '/check',
        includeRequestHeadersInCheck: ['Cookie', 'x-*', '*-id', '*'],
        includeAdditionalHeadersInCheck: { 'x-from': '100 %REQ(x)%' },
        headersToUpstreamOnAllow: ['x-user'],
        headersToDownstreamOnAllow: ['set-cookie'],
        headersToDownstreamOnDeny: ['location'],
      }),
    );
    const exact = (name: string) => ({ patterns: [{ exact: name, ignoreCase: true }] });
    const [cookie, prefix, suffix, every] = allowedHeaders?.patterns ?? [];
    expect([cookie, prefix, suffix]).to.deep.equal([
      { exact: 'Cookie', ignoreCase: true },
      { prefix: 'x-', ignoreCase: true },
      { suffix: '-id', ignoreCase: true },
    ]);
    expect(every, 'Envoy refuses a pattern with it').to.not.have.property('ignoreCase');
    expect(httpService).to.deep.include({
      pathPrefix: '/check',
      authorizationRequest: { headersToAdd: [{ key: 'x-from', value: '100 %%REQ(x)%%' }] },
      authorizationResponse: {
        allowedUpstreamHeaders: exact('x-user'),
        allowedClientHeadersOnSuccess: exact('set-cookie'),
        allowedClientHeaders: exact('location'),
      },
    });
  });

  it('answers 403 for a status that Envoy has no word for', () => {
    expect(httpExtAuthz(httpAuthorizer('a', host, { statusOnError: 299 })).statusOnError).to.deep.equal({ code: 403 });
  });
});

describe('networkExtAuthz', () => {
  it('asks about connections that the policies of just this provider matched', () => {
    expect(networkExtAuthz(grpcAuthorizer('a-b', host, { failOpen: true }))).to.deep.equal({
      statPrefix: 'tcp.',
      grpcService: {
        envoyGrpc: { clusterName: `outbound|9000||${host}`, authority: `${host}:9000` },
        timeout: { seconds: 600, nanos: 0 },
      },
      transportApiVersion: 2,
      failureModeAllow: true,
      includePeerCertificate: true,
      filterEnabledMetadata: matched('network', 'a-b'),
    });
  });
});
