import { expect } from 'chai';
import { readMeshFile } from '../../../src/config/mesh-file.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';

const said = (text: string): readonly string[] =>
  readMeshFile('mesh.yaml', text).findings.map(
    ({ severity, code, field, message, hint, origin }) =>
      `${origin.kind === 'file' ? origin.line : ''} ${severity} ${code} ${field}: ${message}${hint === '' ? '' : ` (${hint})`}`,
  );

describe('mesh file', () => {
  it('is all defaults when empty', () => {
    for (const text of ['', '# nothing\n', '---\n', '{}'])
      expect(readMeshFile('mesh.yaml', text)).to.deep.equal({ mesh: defaultMesh, findings: [] });
  });

  it('sets every field', () => {
    const text = `trustDomain: td1
trustDomainAliases: [td2, td3]
rootNamespace: mesh
dnsDomain: example.local
enableAutoMtls: false
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
discoverySelectors:
- matchLabels: {mesh: enabled}
  matchExpressions:
  - {key: env, operator: In, values: [prod, stage]}
  - {key: legacy, operator: DoesNotExist}
- {}
pathNormalization: {normalization: MERGE_SLASHES}
accessLogFile: /dev/stdout
accessLogEncoding: JSON
accessLogFormat: '{"code": "%RESPONSE_CODE%"}'
explainDenials: true
defaultConfig:
  gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: APPEND_FORWARD, proxyProtocol: {}}
extensionProviders:
- name: opa
  envoyExtAuthzGrpc: {service: foo/opa.foo.svc.cluster.local, port: 9191, timeout: 1.5s, failOpen: true, statusOnError: "503"}
- name: proxy
  envoyExtAuthzHttp:
    service: oauth.foo.svc.cluster.local
    port: 4180
    pathPrefix: /check
    includeRequestHeadersInCheck: [cookie]
    includeAdditionalHeadersInCheck: {x-from: mesh}
    includeRequestBodyInCheck: {maxRequestBytes: 1024, allowPartialMessage: true}
    headersToUpstreamOnAllow: [x-user]
    headersToDownstreamOnAllow: [set-cookie]
    headersToDownstreamOnDeny: [location]
    clearRouteCache: true
`;
    expect(readMeshFile('mesh.yaml', text)).to.deep.equal({
      mesh: {
        trustDomain: 'td1',
        trustDomainAliases: ['td2', 'td3'],
        rootNamespace: 'mesh',
        dnsDomain: 'example.local',
        enableAutoMtls: false,
        mtlsWithoutPolicy: 'PERMISSIVE',
        outboundTrafficPolicy: 'REGISTRY_ONLY',
        discoverySelectors: [
          {
            matchLabels: { mesh: 'enabled' },
            matchExpressions: [
              { key: 'env', operator: 'In', values: ['prod', 'stage'] },
              { key: 'legacy', operator: 'DoesNotExist', values: [] },
            ],
          },
          { matchLabels: {}, matchExpressions: [] },
        ],
        pathNormalization: 'MERGE_SLASHES',
        accessLog: { file: '/dev/stdout', encoding: 'JSON', format: '{"code": "%RESPONSE_CODE%"}' },
        explainDenials: true,
        gatewayTopology: { numTrustedProxies: 2, forwardClientCert: 'APPEND_FORWARD', proxyProtocol: true },
        extensionProviders: [
          {
            kind: 'grpc',
            name: 'opa',
            service: 'opa.foo.svc.cluster.local',
            port: 9191,
            timeoutMs: 1_500,
            failOpen: true,
            statusOnError: 503,
            body: undefined,
            clearRouteCache: false,
          },
          {
            kind: 'http',
            name: 'proxy',
            service: 'oauth.foo.svc.cluster.local',
            port: 4180,
            timeoutMs: 600_000,
            failOpen: false,
            statusOnError: 403,
            body: { maxRequestBytes: 1024, allowPartialMessage: true, packAsBytes: false },
            clearRouteCache: true,
            pathPrefix: '/check',
            includeRequestHeadersInCheck: ['cookie'],
            includeAdditionalHeadersInCheck: { 'x-from': 'mesh' },
            headersToUpstreamOnAllow: ['x-user'],
            headersToDownstreamOnAllow: ['set-cookie'],
            headersToDownstreamOnDeny: ['location'],
          },
        ],
      },
      findings: [],
    });
  });

  it('refuses what it does not know, and keeps the default', () => {
    const text = 'trustDomian: td1\nenableAutoMtls: "yes"\noutboundTrafficPolicy: {mode: ALLOW}\ntrustDomain: TD 1\n';
    expect(said(text)).to.deep.equal([
      '1 error unknown-field trustDomian: unknown field "trustDomian" (did you mean "trustDomain"?)',
      '4 error bad-name trustDomain: "TD 1" is not a valid domain (use lower-case letters, digits, ".", "-" and "_")',
      '2 error wrong-type enableAutoMtls: must be true or false, not a string',
      '3 error bad-value outboundTrafficPolicy.mode: unsupported value "ALLOW" (use one of: ALLOW_ANY, REGISTRY_ONLY)',
    ]);
    expect(readMeshFile('mesh.yaml', text).mesh).to.deep.equal(defaultMesh);
  });

  it('warns about settings that are not used, and refuses those that would make something stricter', () => {
    expect(said('connectTimeout: 5s\ndnsRefreshRate: 5s\nmeshMTLS: {minProtocolVersion: TLSV1_3}\n')).to.deep.equal([
      '1 warning not-supported connectTimeout: connectTimeout is not used by this version',
      '2 warning not-supported dnsRefreshRate: dnsRefreshRate is not used by this version',
      '3 error not-supported meshMTLS: meshMTLS is not supported by this version (remove it if the defaults are good enough)',
    ]);
  });

  it('refuses extension providers that could not be asked as they say, and leaves those of telemetry alone', () => {
    const text = `extensionProviders:
- name: a
  envoyExtAuthzGrpc: {port: 1}
- name: a
  envoyExtAuthzHttp: {service: x, port: 70000, statusOnError: "42", timeout: soon}
- name: log
  envoyFileAccessLog: {path: /dev/stdout}
- envoyExtAuthzGrpc: {service: x, port: 1}
- name: none
accessLogEncoding: JSON
accessLogFormat: "%RESPONSE_CODE%"
`;
    expect(said(text).map((each) => each.split(' ').slice(0, 4).join(' '))).to.deep.equal([
      '3 error missing-field extensionProviders[0].envoyExtAuthzGrpc:',
      '5 error out-of-range extensionProviders[1].envoyExtAuthzHttp.port:',
      '7 warning not-supported extensionProviders[2].envoyFileAccessLog:',
      '8 error missing-field extensionProviders[3]:',
      '9 error missing-field extensionProviders[4]:',
      '11 error bad-format accessLogFormat:',
    ]);
  });

  it('refuses what Envoy would refuse a whole filter for', () => {
    const provider = (more: string) =>
      `extensionProviders:\n- name: a\n  envoyExtAuthzHttp: {service: x.y.svc.cluster.local, port: 1, ${more}}\n`;
    const problem = (text: string) => said(text).map((each) => each.split(' (')[0]);
    const at = '3 error';
    const field = 'extensionProviders[0].envoyExtAuthzHttp';
    expect(problem(provider('pathPrefix: /check'))).to.deep.equal([]);
    for (const [prefix, shown] of [
      ['check', 'check'],
      ['"/a?b"', '/a?b'],
      ['"/a b"', '/a b'],
      ['"/a#b"', '/a#b'],
    ])
      expect(problem(provider(`pathPrefix: ${prefix}`))).to.deep.equal([
        `${at} bad-path ${field}.pathPrefix: "${shown}" is no path`,
      ]);
    for (const name of ['a b', ':path', 'Host'])
      expect(problem(provider(`includeAdditionalHeadersInCheck: {"${name}": x}`))).to.deep.equal([
        `${at} bad-header ${field}.includeAdditionalHeadersInCheck${/^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}: "${name}" is no header that can be added`,
      ]);
    for (const value of ['"a\\r\\nb: c"', '"ü"', `"${'x'.repeat(8_193)}"`])
      expect(problem(provider(`includeAdditionalHeadersInCheck: {x-a: ${value}}`))).to.deep.equal([
        `${at} bad-header ${field}.includeAdditionalHeadersInCheck.x-a: is no value of a header`,
      ]);
    for (const list of [
      'includeHeadersInCheck',
      'includeRequestHeadersInCheck',
      'headersToUpstreamOnAllow',
      'headersToDownstreamOnAllow',
      'headersToDownstreamOnDeny',
    ]) {
      const every = list === 'headersToDownstreamOnAllow' ? '' : ', "*"';
      const used = problem(provider(`${list}: [x-a, "x-*", "*-a"${every}]`)).filter(
        (each) => !each?.includes('deprecated'),
      );
      expect(used).to.deep.equal([]);
      expect(problem(provider(`${list}: ["a b"]`))).to.include(
        `${at} bad-header ${field}.${list}[0]: "a b" is no header name`,
      );
    }
    for (const all of ['*', '*us'])
      expect(problem(provider(`headersToDownstreamOnAllow: ["${all}"]`))).to.deep.equal([
        `${at} bad-header ${field}.headersToDownstreamOnAllow[0]: "${all}" takes the status too`,
      ]);
    expect(problem(provider('timeout: 25h'))).to.deep.equal([
      `${at} out-of-range ${field}.timeout: no request waits longer than a day`,
    ]);
    expect(problem(provider('statusOnError: "99"'))).to.deep.equal([
      `${at} bad-status ${field}.statusOnError: "99" is no HTTP status`,
    ]);
    expect(problem('extensionProviders:\n- name: "a]b"\n  envoyExtAuthzGrpc: {service: x, port: 1}\n')).to.deep.equal([
      '2 error bad-name extensionProviders[0].name: "a]b" is no name',
    ]);
  });

  it('reads the old name of a list together with the new one', () => {
    const text = `extensionProviders:
- name: a
  envoyExtAuthzHttp: {service: x, port: 1, includeHeadersInCheck: [a], includeRequestHeadersInCheck: [b]}
`;
    const { mesh, findings } = readMeshFile('mesh.yaml', text);
    const [provider] = mesh.extensionProviders;
    expect(provider?.kind === 'http' && provider.includeRequestHeadersInCheck).to.deep.equal(['a', 'b']);
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).to.deep.equal(['warning deprecated-field']);
  });

  it('refuses discovery selectors that select other namespaces than they seem to', () => {
    const text = `discoverySelectors:
- matchLabel: {mesh: enabled}
- matchExpressions:
  - {key: env, operator: in, values: [prod]}
  - {key: env, operator: In}
  - {key: env, operator: Exists, values: [prod]}
  - {operator: Exists}
- matchLabels: {mesh: "*"}
-
`;
    expect(said(text)).to.deep.equal([
      '2 error unknown-field discoverySelectors[0].matchLabel: unknown field "discoverySelectors[0].matchLabel" (did you mean "matchLabels"?)',
      '4 error bad-value discoverySelectors[1].matchExpressions[0].operator: unsupported value "in" (did you mean "In"?)',
      '5 error missing-field discoverySelectors[1].matchExpressions[1].values: In needs values (write a list with at least one value)',
      '6 error bad-value discoverySelectors[1].matchExpressions[2].values: Exists takes no values (remove them)',
      '7 error missing-field discoverySelectors[1].matchExpressions[3].key: key is required (write the key of a label)',
      '8 error bad-label discoverySelectors[2].matchLabels.mesh: "*" is not a valid label value (use at most 63 letters, digits, "-", "_" and ".")',
      '9 error wrong-type discoverySelectors[3]: must be an object, not null (write a value or remove the field)',
    ]);
  });

  it('takes the defaults of its surroundings', () => {
    const defaults = { ...defaultMesh, rootNamespace: 'mesh-root' };
    expect(readMeshFile('mesh.yaml', '', defaults).mesh).to.deep.equal(defaults);
    expect(readMeshFile('mesh.yaml', 'rootNamespace: other\n', defaults).mesh.rootNamespace).to.equal('other');
  });

  it('is one document of plain fields', () => {
    expect(said('trustDomain: a\n---\ntrustDomain: b\n')).to.deep.equal([
      '1 error one-document-only : mesh settings are one YAML document (remove the others)',
    ]);
    expect(said('- a\n')).to.deep.equal(['1 error wrong-type : must be an object, not a list']);
    expect(said('a: [\n')).to.have.length(1);
    expect(said('apiVersion: v1\n')).to.deep.equal([
      '1 error unknown-field apiVersion: unknown field "apiVersion" (mesh settings are plain fields, not a Kubernetes object)',
    ]);
  });

  it('says of the fields of proxies which count, and which are unknown', () => {
    const text = `defaultConfig:
  concurrency: 2
  gatewayTopology: {numTrustedProxies: -1, proxyProtocol: {version: 2}, forwardClientCertDetails: KEEP}
  holdApplication: true
`;
    expect(said(text).map((each) => each.replace(/:.*/, ''))).to.deep.equal([
      '4 error unknown-field defaultConfig.holdApplication',
      '2 warning not-supported defaultConfig.concurrency',
      '3 error bad-value defaultConfig.gatewayTopology.forwardClientCertDetails',
      '3 error unknown-field defaultConfig.gatewayTopology.proxyProtocol.version',
      '3 error out-of-range defaultConfig.gatewayTopology.numTrustedProxies',
    ]);
  });

  it('knows the profile of the 1.1 documents: no mTLS that nobody asked for', () => {
    const modes = (text: string) => {
      const { enableAutoMtls, mtlsWithoutPolicy } = readMeshFile('mesh.yaml', text).mesh;
      return [enableAutoMtls, mtlsWithoutPolicy];
    };
    expect(modes('compatibility: "1.1"')).to.deep.equal([false, 'DISABLE']);
    expect(modes('compatibility: "1.1"\nenableAutoMtls: true')).to.deep.equal([true, 'DISABLE']);
    expect(modes('compatibility: "1.2"')).to.deep.equal([true, 'PERMISSIVE']);
    expect(said('compatibility: "1.2"').length).to.equal(1);
  });
});
