import { expect } from 'chai';
import { readText } from '../../../../src/config/files.ts';
import { anyRequest } from '../../../../src/model/http-match.ts';
import { noHeaderChanges } from '../../../../src/model/http-route.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { anyAudience, type VirtualService } from '../../../../src/model/virtual-service.ts';

const head = 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: web, namespace: foo }\n';

function read(spec: string): VirtualService {
  const { objects, findings } = readText('f.yaml', `${head}spec:\n${spec.replace(/^/gm, '  ')}`);
  expect(findings).to.deep.equal([]);
  const isOne = (object: MeshObject): object is VirtualService => object.kind === 'VirtualService';
  const [found] = objects.filter(isOne);
  if (found === undefined) throw new Error('no VirtualService');
  return found;
}

const nothing = {
  rewrite: undefined,
  timeoutMs: undefined,
  retries: undefined,
  fault: undefined,
  mirrors: undefined,
  cors: undefined,
  headers: undefined,
};

describe('VirtualService', () => {
  it('is read whole', () => {
    const { meta, ...rest } = read(`
hosts: [Web.example, reviews, "*.more.example"]
gateways: [mesh, edge, other/edge, ./third, old.ns.svc.cluster.local]
exportTo: [., bar]
http:
  - name: canary
    match:
      - name: beta
        uri: { prefix: /v2/ }
        ignoreUriCase: true
        scheme: { exact: https }
        method: { exact: GET }
        authority: { prefix: web. }
        headers:
          X-Canary: { exact: "true" }
          x-any: {}
          "@request.auth.claims.group": { exact: dev }
          "@request.auth.claims[a.b][c]": {}
        withoutHeaders: { x-old: { regex: ".+" } }
        queryParams: { a: { regex: "*" } }
        port: 80
        sourceLabels: { app: client }
        sourceNamespace: bar
        statPrefix: beta
      - uri: { regex: "/a/[0-9]+" }
        gateways: [mesh, edge]
    rewrite: { uri: /, authority: next.example }
    route:
      - destination: { host: web, subset: v2, port: { number: 8080 } }
        weight: 90
        headers:
          request: { set: { X-A: "%REQ(x-b)%", host: inner.example }, remove: [X-C] }
          response: { add: { x-d: e } }
      - destination: { host: web.bar.svc.cluster.local }
        weight: 10
      - destination: { host: unused }
    timeout: 1m30s
    retries: { attempts: 3, perTryTimeout: 2s, retryOn: "5xx, 409", retryIgnorePreviousHosts: false, backoff: 10ms }
    fault:
      delay: { fixedDelay: 5s, percentage: { value: 0.1 } }
      abort: { grpcStatus: UNAVAILABLE, percentage: { value: 50 } }
    mirror: { host: shadow }
    mirrorPercentage: { value: 12.5 }
    corsPolicy:
      allowOrigins: [{ exact: "https://example.com" }]
      allowMethods: [POST, GET]
      allowHeaders: [x-e]
      exposeHeaders: [x-f]
      maxAge: 24h
      allowCredentials: true
      unmatchedPreflights: IGNORE
  - match: [{ uri: { exact: /old } }]
    redirect: { uri: "%PREFIX()%/new", authority: new.example, derivePort: FROM_REQUEST_PORT, redirectCode: 308 }
  - directResponse: { status: 404, body: { string: gone } }
tls:
  - match: [{ sniHosts: [web.example], destinationSubnets: [10.0.0.0/8], port: 443 }]
    route: [{ destination: { host: web } }]
tcp:
  - match: [{ port: 3306, sourceSubnet: 10.1.0.0/16 }]
    route: [{ destination: { host: db }, weight: 0 }]
`);
    expect([meta.namespace, meta.name]).to.deep.equal(['foo', 'web']);
    const destination = (host: string, subset = '', port?: number) => ({ host, subset, port });
    const exact = (value: string) => ({ kind: 'exact', value }) as const;
    const only = (host: string) => [{ destination: destination(host), weight: 1, headers: undefined }];
    const expected: Omit<VirtualService, 'meta'> = {
      kind: 'VirtualService',
      hosts: ['web.example', 'reviews', '*.more.example'],
      gateways: ['mesh', 'foo/edge', 'other/edge', 'foo/third', 'ns/old'],
      exportTo: ['bar', 'foo'],
      http: [
        {
          name: 'canary',
          matches: [
            {
              name: 'beta',
              statPrefix: 'beta',
              gateways: [],
              sourceLabels: { app: 'client' },
              sourceNamespace: 'bar',
              port: 80,
              request: {
                uri: { kind: 'prefix', value: '/v2/' },
                ignoreUriCase: true,
                scheme: exact('https'),
                method: exact('GET'),
                authority: { kind: 'prefix', value: 'web.' },
                headers: [
                  { name: 'x-canary', match: exact('true') },
                  { name: 'x-any', match: { kind: 'present' } },
                ],
                withoutHeaders: [{ name: 'x-old', match: { kind: 'regex', value: '.+' } }],
                claims: [
                  { claim: ['group'], match: exact('dev') },
                  { claim: ['a.b', 'c'], match: { kind: 'present' } },
                ],
                withoutClaims: [],
                queryParams: [{ name: 'a', match: { kind: 'present' } }],
              },
            },
            {
              ...anyAudience,
              name: '',
              statPrefix: '',
              gateways: ['mesh', 'foo/edge'],
              request: { ...anyRequest, uri: { kind: 'regex', value: '/a/[0-9]+' } },
            },
          ],
          action: {
            kind: 'forward',
            destinations: [
              {
                destination: destination('web', 'v2', 8080),
                weight: 90,
                headers: {
                  request: { set: [{ name: 'x-a', value: '%REQ(x-b)%' }], add: [], remove: ['x-c'] },
                  response: { set: [], add: [{ name: 'x-d', value: 'e' }], remove: [] },
                  host: 'inner.example',
                },
              },
              { destination: destination('web.bar.svc.cluster.local'), weight: 10, headers: undefined },
            ],
          },
          rewrite: { path: { kind: 'matched', value: '/' }, authority: 'next.example' },
          timeoutMs: 90_000,
          retries: {
            attempts: 3,
            perTryTimeoutMs: 2_000,
            on: ['5xx', 'retriable-status-codes'],
            statusCodes: [409],
            otherHosts: false,
            backoffMs: 10,
          },
          fault: {
            delay: { ms: 5_000, percent: 0.1 },
            abort: { kind: 'grpc', status: 14, percent: 50 },
          },
          mirrors: [{ destination: destination('shadow'), percent: 12.5 }],
          cors: {
            origins: [exact('https://example.com')],
            methods: ['POST', 'GET'],
            headers: ['x-e'],
            exposed: ['x-f'],
            maxAgeSeconds: 86_400,
            credentials: true,
            forwardUnmatched: false,
          },
          headers: undefined,
        },
        {
          ...nothing,
          name: '',
          matches: [{ ...anyAudience, name: '', statPrefix: '', request: { ...anyRequest, uri: exact('/old') } }],
          action: {
            kind: 'redirect',
            path: { kind: 'prefix', value: '/new' },
            authority: 'new.example',
            scheme: '',
            port: 'request-port',
            code: 308,
          },
        },
        {
          ...nothing,
          name: '',
          matches: [],
          action: { kind: 'direct-response', status: 404, body: { kind: 'text', value: 'gone' } },
        },
      ],
      tls: [
        {
          matches: [
            {
              ...anyAudience,
              port: 443,
              sniHosts: ['web.example'],
              destinationSubnets: [{ address: '10.0.0.0', prefixLength: 8 }],
              sourceSubnets: [],
            },
          ],
          destinations: only('web'),
        },
      ],
      tcp: [
        {
          matches: [
            {
              ...anyAudience,
              port: 3306,
              sniHosts: [],
              destinationSubnets: [],
              sourceSubnets: [{ address: '10.1.0.0', prefixLength: 16 }],
            },
          ],
          destinations: only('db'),
        },
      ],
    };
    expect(rest).to.deep.equal(expected);
  });

  it('holds for the sidecars where it names no gateway, and for everybody where it exports to nobody in particular', () => {
    const { gateways, exportTo } = read('hosts: [a]\nhttp: [{ directResponse: { status: 200 } }]');
    expect([gateways, exportTo]).to.deep.equal([['mesh'], 'all']);
  });

  it('is a delegate without hosts', () => {
    const { hosts, http } = read(
      'http: [{ headers: { request: { add: { Host: a } } }, directResponse: { status: 200 } }]',
    );
    expect(hosts).to.deep.equal([]);
    expect(http[0]?.headers).to.deep.equal({ request: noHeaderChanges, response: noHeaderChanges, host: 'a' });
  });

  it('delegates within its namespace unless it names another', () => {
    const { http } = read('hosts: [a]\nhttp: [{ delegate: { name: b } }, { delegate: { name: b, namespace: c } }]');
    expect(http.map(({ action }) => action)).to.deep.equal([
      { kind: 'delegate', to: { namespace: 'foo', name: 'b' } },
      { kind: 'delegate', to: { namespace: 'c', name: 'b' } },
    ]);
  });

  it('retries as always where only words for failures are missing, and never with no attempts', () => {
    const { http } = read(`hosts: [a]
http:
  - { match: [{ uri: { prefix: /a } }], retries: { attempts: 1 }, route: [{ destination: { host: a } }] }
  - { retries: {}, route: [{ destination: { host: a } }] }`);
    expect(http.map(({ retries }) => [retries?.attempts, retries?.on.length, retries?.otherHosts])).to.deep.equal([
      [1, 5, true],
      [0, 5, true],
    ]);
  });
});
