import { expect } from 'chai';
import { readText } from '../../../../src/config/files.ts';
import { lint } from '../../../../src/config/lint.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import { defaultMesh, type Mesh } from '../../../../src/model/mesh.ts';

const pod = (name: string, labels: object, injected = true): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'foo',
    labels: { ...labels, ...(injected ? { 'security.istio.io/tlsMode': 'istio' } : {}) },
  },
  spec: { containers: [{ name: 'app', ports: [{ name: 'web', containerPort: 8080 }] }] },
  status: { podIP: '10.0.0.1' },
});
const service = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'foo' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
});
const world = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'foo' } },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bar' } },
  service('web'),
  service('old'),
  pod('web-1', { app: 'web', version: 'v1' }),
  pod('old-1', { app: 'old' }, false),
];
const webHost = 'web.foo.svc.cluster.local';
const oldHost = 'old.foo.svc.cluster.local';

function rule(
  name: string,
  spec: object,
  more: { readonly namespace?: string; readonly created?: number } = {},
): object {
  const { namespace = 'foo', created = 1 } = more;
  const metadata = { name, namespace, creationTimestamp: `2026-01-0${created}T00:00:00Z` };
  return { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata, spec };
}

function peer(namespace: string, mode: string, spec: object = {}): object {
  const metadata = { name: 'default', namespace };
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata,
    spec: { mtls: { mode }, ...spec },
  };
}

function findingsOf(documents: readonly object[], mesh: Partial<Mesh> = {}): readonly Finding[] {
  const { objects, findings } = readText('f.yaml', documents.map((each) => JSON.stringify(each)).join('\n---\n'));
  expect(findings.filter(({ severity }) => severity === 'error')).to.deep.equal([]);
  return lint(objects, { ...defaultMesh, ...mesh });
}

const hints = (documents: readonly object[]): readonly string[] => findingsOf(documents).map(({ hint }) => hint);

function said(documents: readonly object[], mesh: Partial<Mesh> = {}): readonly string[] {
  return findingsOf(documents, mesh).map(
    ({ severity, code, object, field, message }) =>
      `${severity} ${code} ${object.replace('DestinationRule/', '')} ${field}: ${message}`,
  );
}

const tls = (mode: string): object => ({ trafficPolicy: { tls: { mode } } });
const v1 = { name: 'v1', labels: { version: 'v1' } };

describe('lint of DestinationRules', () => {
  it('says nothing about good ones, nor about one that is looked at alone', () => {
    expect(
      said([
        ...world,
        peer('foo', 'STRICT'),
        rule('web', { host: 'web', ...tls('ISTIO_MUTUAL'), subsets: [v1, { name: 'unused', labels: { app: 'web' } }] }),
        rule('old', { host: oldHost, ...tls('DISABLE') }, { namespace: 'bar' }),
        rule('wide', { host: '*.local' }, { namespace: 'istio-system' }),
      ]),
    ).to.deep.equal([]);
    expect(said([rule('web', { host: 'web', subsets: [v1] })])).to.deep.equal([]);
  });

  it('knows the hosts of services and of ServiceEntries, and what was meant', () => {
    const entry = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'out', namespace: 'bar' },
      spec: {
        hosts: ['api.example.com'],
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
        resolution: 'DNS',
      },
    };
    const documents = [
      ...world,
      entry,
      rule('known', { host: 'api.example.com' }),
      rule('wide', { host: '*.example.com' }),
      rule('elsewhere', { host: 'web' }, { namespace: 'bar' }),
      rule('shortened', { host: 'web.foo' }),
      rule('typo', { host: 'webb.foo.svc.cluster.local' }),
      rule('nobody', { host: '*.example.org' }),
    ];
    expect(said(documents)).to.deep.equal([
      'warning unknown-host bar/elsewhere spec.host: no service has host web.bar.svc.cluster.local: the rule holds for nothing',
      'warning unknown-host foo/nobody spec.host: no service has host *.example.org: the rule holds for nothing',
      'warning unknown-host foo/shortened spec.host: no service has host web.foo: the rule holds for nothing',
      'warning unknown-host foo/typo spec.host: no service has host webb.foo.svc.cluster.local: the rule holds for nothing',
    ]);
    expect(hints(documents)).to.deep.equal([
      `did you mean "${webHost}"?`,
      'create the service, or correct the name',
      `did you mean "${webHost}"?`,
      `did you mean "${webHost}"?`,
    ]);
  });

  it('tells of a subset that no workload is in', () => {
    expect(
      said([...world, rule('web', { host: 'web', subsets: [v1, { name: 'v2', labels: { version: 'v2' } }] })]),
    ).to.deep.equal([
      `warning empty-subset foo/web spec.subsets[1].labels: no workload behind ${webHost} has the labels of subset v2: what is sent to it gets 503`,
    ]);
  });

  it('tells of rules for one host: what is merged, what is lost, and whom the younger doesn’t reach', () => {
    const first = rule('first', { host: 'web', ...tls('ISTIO_MUTUAL'), subsets: [v1] });
    const older = 'DestinationRule/foo/first';
    expect(
      said([...world, first, rule('more', { host: webHost, subsets: [{ ...v1, name: 'same' }] }, { created: 2 })]),
    ).to.deep.equal([
      `info rules-merged foo/more spec.host: the rule is merged with ${older}, which is for the same host and older`,
    ]);
    expect(
      said([...world, first, rule('more', { host: 'web', ...tls('DISABLE'), subsets: [v1] }, { created: 2 })]),
    ).to.deep.equal([
      `warning rule-ignored foo/more spec.trafficPolicy: the traffic policy is ignored: ${older} is for the same host, and older`,
      `warning rule-ignored foo/more spec.subsets[0]: subset v1 is ignored: ${older} is for the same host, and older`,
    ]);
    expect(said([...world, first, rule('more', { host: 'web', exportTo: ['.'] }, { created: 2 })])).to.deep.equal([
      `warning rules-overlap foo/more spec.exportTo: who may follow both this rule and ${older}, which is older, follows that one alone: their exportTo differ, so the two are not merged`,
    ]);
    const some = { workloadSelector: { matchLabels: { app: 'old' } } };
    expect(
      said([
        ...world,
        first,
        rule('some', { host: 'web', ...some }),
        rule('there', { host: webHost }, { namespace: 'bar' }),
      ]),
    ).to.deep.equal([]);
  });

  it('tells of a credential, which no sidecar is given, and of servers that are too few to leave one out', () => {
    const outlierDetection = { consecutive5xxErrors: 5 };
    expect(
      said([
        ...world,
        rule('web', {
          host: 'web',
          trafficPolicy: {
            outlierDetection,
            portLevelSettings: [
              { port: { number: 80 }, tls: { mode: 'SIMPLE', credentialName: 'x' } },
              { port: { number: 81 }, outlierDetection: { ...outlierDetection, maxEjectionPercent: 100 } },
            ],
          },
        }),
      ]),
    ).to.deep.equal([
      `info ejects-nobody foo/web spec.trafficPolicy.outlierDetection: no endpoint of ${webHost} is ever left out: 10 % of 1 is none`,
      'warning credential-on-sidecar foo/web spec.trafficPolicy.portLevelSettings.tls.credentialName: sidecars are given no credential, as gateways are: what they send by this rule gets 503',
    ]);
  });
});

describe('lint of what clients are told to speak, and servers take', () => {
  const conflict = (what: string, by: string): string =>
    `this ${what} to ${webHost} port 80, and PeerAuthentication/${by} demands mTLS there: requests get 503, connections end`;

  it('names both sides where mTLS is demanded', () => {
    const strict = [...world, peer('istio-system', 'STRICT')];
    const off = rule('off', { host: webHost, ...tls('DISABLE') }, { namespace: 'bar' });
    expect(said([...strict, off])).to.deep.equal([
      `warning mtls-conflict bar/off spec.trafficPolicy.tls: ${conflict('sends plaintext', 'istio-system/default')}`,
    ]);
    expect(said([...strict, peer('foo', 'PERMISSIVE'), off])).to.deep.equal([]);
    expect(said([...strict, rule('simple', { host: webHost, ...tls('SIMPLE') })])).to.deep.equal([
      `warning mtls-conflict foo/simple spec.trafficPolicy.tls: ${conflict('shows no certificate of the mesh', 'istio-system/default')}`,
    ]);
    // It has no sidecar that could demand anything.
    expect(said([...strict, rule('old', { host: oldHost, ...tls('DISABLE') })])).to.deep.equal([]);
  });

  it('goes by the port that the workload listens on', () => {
    const selector = { matchLabels: { app: 'web' } };
    const off = rule('off', { host: 'web', ...tls('DISABLE') });
    const port = (target: number): object =>
      peer('foo', 'UNSET', { selector, portLevelMtls: { [target]: { mode: 'STRICT' } } });
    expect(said([...world, port(8080), off])).to.deep.equal([
      `warning mtls-conflict foo/off spec.trafficPolicy.tls: ${conflict('sends plaintext', 'foo/default')}`,
    ]);
    expect(said([...world, port(80), off])).to.deep.equal([]);
  });

  it('reads port settings and subsets as clients do', () => {
    const strict = [...world, peer('foo', 'STRICT')];
    const portLevelSettings = (number: number, mode: string) => [{ port: { number }, tls: { mode } }];
    const split = (number: number, above: string, mode: string): object =>
      rule('web', {
        host: 'web',
        trafficPolicy: { tls: { mode: above }, portLevelSettings: portLevelSettings(number, mode) },
      });
    expect(said([...strict, split(80, 'DISABLE', 'ISTIO_MUTUAL')])).to.deep.equal([]);
    expect(said([...strict, split(80, 'ISTIO_MUTUAL', 'DISABLE')])).to.deep.equal([
      `warning mtls-conflict foo/web spec.trafficPolicy.portLevelSettings.tls: ${conflict('sends plaintext', 'foo/default')}`,
    ]);
    expect(said([...strict, rule('web', { host: 'web', subsets: [{ ...v1, ...tls('DISABLE') }] })])).to.deep.equal([
      `warning mtls-conflict foo/web spec.subsets[0].trafficPolicy.tls: ${conflict('sends plaintext', 'foo/default')}`,
    ]);
  });

  it('without auto mTLS, a rule that says nothing of TLS sends plaintext', () => {
    const documents = [...world, peer('foo', 'STRICT'), rule('web', { host: 'web', subsets: [v1] })];
    expect(said(documents)).to.deep.equal([]);
    expect(said(documents, { enableAutoMtls: false })).to.deep.equal([
      `warning mtls-conflict foo/web spec: ${conflict('sends plaintext', 'foo/default')}`,
    ]);
  });

  it('tells of mTLS to who can’t speak it, once for a rule of many hosts', () => {
    const wide = rule('wide', { host: '*.local', ...tls('ISTIO_MUTUAL') }, { namespace: 'istio-system' });
    const bare = `this speaks mTLS to ${oldHost} port 80, and old-1.foo has no sidecar: what is sent there is not understood`;
    expect(said([...world, wide])).to.deep.equal([
      `warning mtls-without-sidecar istio-system/wide spec.trafficPolicy.tls: ${bare}`,
    ]);
    expect(said([...world, service('older'), pod('older-1', { app: 'older' }, false), wide])).to.deep.equal([
      `warning mtls-without-sidecar istio-system/wide spec.trafficPolicy.tls: ${bare}; and so for 1 more of its hosts`,
    ]);
    // A rule of the same namespace that says more takes its place there.
    expect(
      said([...world, wide, rule('old', { host: oldHost, ...tls('DISABLE') }, { namespace: 'istio-system' })]),
    ).to.deep.equal([]);
    expect(
      said([...world, peer('foo', 'DISABLE'), rule('web', { host: 'web', ...tls('ISTIO_MUTUAL') })]),
    ).to.deep.equal([
      `warning mtls-conflict foo/web spec.trafficPolicy.tls: this speaks mTLS to ${webHost} port 80, which PeerAuthentication/foo/default switches off: what is sent there is not understood`,
    ]);
  });
});
