import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Explanation } from '../../../src/explain/answer.ts';
import type { Question } from '../../../src/explain/question.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { newestEnvoy } from '../../support/e2e-mesh.ts';
import { from, to } from '../../support/e2e-policies.ts';
import { gatewayDocument, secretYaml } from '../../support/gateway-documents.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

const gateway = 'istio-ingressgateway-1.istio-system';
const inside = 'edge.istio-system.svc.cluster.local';

const resource = (apiVersion: string, kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace: 'istio-system' }, spec });
const networking = 'networking.istio.io/v1';
const service = resource('v1', 'Service', 'edge', {
  selector: { istio: 'ingressgateway' },
  ports: [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'http-mesh', port: 81, targetPort: 8443 },
  ],
});
const ways = [
  gatewayDocument(
    'edge',
    [
      { port: 8080, name: 'http', protocol: 'HTTP', hosts: ['*'] },
      {
        port: 8443,
        name: 'web',
        protocol: 'HTTPS',
        hosts: ['web.example'],
        tls: { mode: 'SIMPLE', credentialName: 'web' },
      },
      { port: 8443, name: 'mesh', protocol: 'HTTPS', hosts: ['mesh.example', inside], tls: { mode: 'ISTIO_MUTUAL' } },
    ],
    { namespace: 'istio-system' },
  ),
  resource(networking, 'VirtualService', 'edge', {
    hosts: ['*'],
    gateways: ['edge'],
    http: [
      {
        match: [{ headers: { 'x-through': {} } }],
        route: [{ destination: { host: 'httpbin.foo.svc.cluster.local', port: { number: 8000 } } }],
      },
      { directResponse: { status: 200 } },
    ],
  }),
  resource(networking, 'DestinationRule', 'edge', {
    host: inside,
    trafficPolicy: {
      portLevelSettings: [{ port: { number: 81 }, tls: { mode: 'ISTIO_MUTUAL', sni: 'mesh.example' } }],
    },
  }),
];

const rule = (name: string, action: string, rules: readonly object[]): string =>
  JSON.stringify({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'istio-system' },
    spec: { selector: { matchLabels: { istio: 'ingressgateway' } }, action, rules },
  });
const when = (key: string, values: readonly string[]): object => ({ when: [{ key, values }] });

/** Policies of the gateway, by what they are about. `outside` stands for the address of the client that is no part of the mesh. */
const policies = (outside: string): Readonly<Record<string, readonly string[]>> => ({
  nothing: [],
  'a path': [rule('a', 'DENY', [to({ paths: ['/admin*'] })])],
  'a host, and a method': [rule('a', 'DENY', [to({ hosts: ['web.example'], methods: ['GET'] })])],
  'a port': [rule('a', 'ALLOW', [to({ ports: ['8443'] })])],
  'an address': [rule('a', 'ALLOW', [from({ ipBlocks: [outside] })])],
  'an address that is told': [rule('a', 'ALLOW', [from({ remoteIpBlocks: ['203.0.113.0/24'] })])],
  'a principal': [rule('a', 'ALLOW', [from({ principals: ['cluster.local/ns/foo/sa/httpbin'] })])],
  'no principal': [rule('a', 'DENY', [from({ notPrincipals: ['*'] })])],
  'a server name': [rule('a', 'DENY', [when('connection.sni', ['mesh.example'])])],
  'a header': [rule('a', 'DENY', [when('request.headers[x-forwarded-for]', [`203.0.113.9,${outside}`])])],
  'one that allows nothing': [rule('a', 'ALLOW', [])],
});

interface Call {
  readonly title: string;
  readonly asked: Pick<Question, 'from' | 'to'> & Partial<Question>;
  readonly pod: string;
  readonly url: string;
  readonly args: readonly string[];
}

function calls(outside: string, address: string): readonly Call[] {
  const stranger = { from: `outside:${outside}`, pod: 'sleep.outside' };
  const plain = (title: string, path: string, headers: readonly (readonly [string, string])[] = []): Call => ({
    title,
    asked: { from: stranger.from, to: `${gateway}:8080`, path, host: 'web.example', headers },
    pod: stranger.pod,
    url: `http://${address}:8080${path}`,
    args: ['-H', 'host: web.example', ...headers.flatMap(([name, value]) => ['-H', `${name}: ${value}`])],
  });
  const tls = (name: string): Call => ({
    title: `TLS for ${name}`,
    asked: { from: stranger.from, to: `${gateway}:8443`, sni: name, host: name },
    pod: stranger.pod,
    url: `https://${name}:8443/`,
    args: ['-k', '--connect-to', `${name}:8443:${address}:8443`],
  });
  const member = (port: number, path: string): Call => ({
    title: `from the mesh to ${port}${path}`,
    asked: { from: 'httpbin.foo', to: `edge.istio-system:${port}`, path },
    pod: 'httpbin.foo',
    url: `http://${inside}:${port}${path}`,
    args: [],
  });
  return [
    plain('plaintext', '/'),
    plain('plaintext, a path', '/admin/x'),
    plain('plaintext, dots', '/x/../admin/y'),
    plain('plaintext, through somebody', '/', [['x-forwarded-for', '203.0.113.9']]),
    tls('web.example'),
    tls('mesh.example'),
    tls('other.example'),
    member(80, '/'),
    member(81, '/'),
    member(81, '/admin/x'),
  ];
}

/** The evaluator behind `authz explain` is held to what a real gateway does. */
describe('authz explain of a gateway against what calls really get', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;
  let outside: string;
  let all: readonly Call[];

  before(async () => {
    stack = new AsyncDisposableStack();
    const runDir = stack.use(await makeRunDir()).path;
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const more = join(folder, 'edge.yaml');
    await writeFile(more, service);
    mesh = stack.use(
      await Sandbox.up({
        name: 'why',
        manifests: [exampleManifests('gateway'), more],
        envoy: newestEnvoy(),
        runDir,
      }),
    );
    const { certificate, key } = makeCertificate(makeAuthority('authority'), 'web', ['web.example']);
    const secret = secretYaml('web', { 'tls.crt': certificate, 'tls.key': key }, 'istio-system');
    await mesh.apply([secret, ...ways].join('\n---\n'), { file: 'ways.yaml' });
    outside = mesh.pod('sleep.outside').ip;
    all = calls(outside, mesh.pod(gateway).ip);
  });
  after(async () => {
    await stack.disposeAsync();
  });

  async function said({ asked }: Call): Promise<string> {
    const query = new URLSearchParams({ question: JSON.stringify(asked) });
    const { answers }: Explanation = JSON.parse((await mesh.admin(`/debug/explain?${query}`)).body);
    return answers.map(({ verdict }) => verdict).join();
  }

  async function got({ pod, url, args }: Call): Promise<string> {
    const { status } = await mesh.curl(pod, url, { args: ['--path-as-is', ...args] });
    if (status === 200) return 'allowed';
    return [0, 403, 503].includes(status) ? 'denied' : String(status);
  }

  for (const about of Object.keys(policies('192.0.2.1'))) {
    it(`agrees where policies are about ${about}`, async () => {
      await mesh.apply(policies(outside)[about]?.join('\n---\n') ?? '', { file: 'policies.yaml' });
      const lines = async (of: (call: Call) => Promise<string>): Promise<readonly string[]> =>
        await Promise.all(all.map(async (call) => `${call.title}: ${await of(call)}`));
      const expected = await lines(said);
      let seen: readonly string[] = [];
      await eventually('the policies to hold', async () => {
        seen = await lines(got);
        return seen.join() === expected.join() ? true : undefined;
      }).catch(() => undefined);
      expect(seen).to.deep.equal(expected);
      expect(new Set(expected.map((line) => line.split(': ').at(-1)))).to.include('denied');
    });
  }

  it('knows whom a server behind the gateway sees', async () => {
    const call: Call = {
      title: 'through',
      asked: { from: gateway, to: 'httpbin.foo:8000', path: '/status/200' },
      pod: 'sleep.outside',
      url: `http://${mesh.pod(gateway).ip}:8080/status/200`,
      args: ['-H', 'x-through: yes'],
    };
    const account = 'cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account';
    for (const [principal, expected] of [
      [account, 'allowed'],
      ['cluster.local/ns/foo/sa/httpbin', 'denied'],
    ] as const) {
      const policy = JSON.stringify({
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'behind', namespace: 'foo' },
        spec: { rules: [from({ principals: [principal] })] },
      });
      await mesh.apply(policy, { file: 'policies.yaml' });
      expect(await said(call), principal).to.equal(expected);
      await eventually(`${principal} to be ${expected}`, async () =>
        (await got(call)) === expected ? true : undefined,
      );
    }
  });
});
