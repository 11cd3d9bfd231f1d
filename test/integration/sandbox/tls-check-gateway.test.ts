import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TlsCheck } from '../../../src/explain/tls-check.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { newestEnvoy } from '../../support/e2e-mesh.ts';
import { gatewayDocument, secretYaml, type TestServer } from '../../support/gateway-documents.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

const ingress = 'istio-ingressgateway.istio-system';
const host = 'exit.istio-system.svc.cluster.local';
const behind = 'direct.foo.svc.cluster.local';

/** What the gateway `exit` serves, a port for each. */
const servers: Readonly<Record<string, object | undefined>> = {
  plaintext: undefined,
  SIMPLE: { mode: 'SIMPLE', credentialName: 'web' },
  MUTUAL: { mode: 'MUTUAL', credentialName: 'web' },
  OPTIONAL_MUTUAL: { mode: 'OPTIONAL_MUTUAL', credentialName: 'web' },
  ISTIO_MUTUAL: { mode: 'ISTIO_MUTUAL' },
  'ISTIO_MUTUAL for others': { mode: 'ISTIO_MUTUAL', subjectAltNames: ['spiffe://cluster.local/ns/x/sa/y'] },
  'a missing Secret': { mode: 'SIMPLE', credentialName: 'nothing' },
};
const mutual = { mode: 'MUTUAL', sni: 'web.example' };
/** How clients call it. */
const rules: Readonly<Record<string, object | undefined>> = {
  'no rule': undefined,
  DISABLE: { mode: 'DISABLE' },
  'SIMPLE by the Host': { mode: 'SIMPLE', insecureSkipVerify: true },
  'SIMPLE by name': { mode: 'SIMPLE', insecureSkipVerify: true, sni: 'web.example' },
  'SIMPLE by another name': { mode: 'SIMPLE', insecureSkipVerify: true, sni: 'other.example' },
  'SIMPLE that wants another name': { mode: 'SIMPLE', sni: 'web.example', subjectAltNames: ['other.example'] },
  'SIMPLE by authorities of a file': { mode: 'SIMPLE', sni: 'web.example' },
  'ISTIO_MUTUAL by name': { mode: 'ISTIO_MUTUAL', sni: 'web.example' },
  ISTIO_MUTUAL: { mode: 'ISTIO_MUTUAL' },
  'ISTIO_MUTUAL that wants another identity': {
    mode: 'ISTIO_MUTUAL',
    sni: 'web.example',
    subjectAltNames: ['spiffe://cluster.local/ns/x/sa/y'],
  },
  'a credential': { ...mutual, credentialName: 'own' },
  'a credential of a stranger': { ...mutual, credentialName: 'foreign' },
  'a credential that trusts strangers': { ...mutual, credentialName: 'trusting' },
  'a credential that is missing': { ...mutual, credentialName: 'lost' },
};
const serverNames = Object.keys(servers);
const serverPort = (server: string): number => 9_001 + serverNames.indexOf(server);

interface Cell {
  readonly title: string;
  readonly host: string;
  readonly port: number;
  readonly target: number;
  readonly tls: object | undefined;
}
const cells: readonly Cell[] = [
  ...serverNames.flatMap((server, row) =>
    Object.entries(rules).map(([rule, tls], column) => ({
      title: `${rule} → ${server}`,
      host,
      port: 8_000 + 100 * (row + 1) + column,
      target: serverPort(server),
      tls,
    })),
  ),
  // The server of these is a sidecar that takes mesh mTLS alone.
  ...(['no rule', 'DISABLE', 'SIMPLE by name', 'ISTIO_MUTUAL', 'a credential'] as const).map((rule, column) => ({
    title: `${rule} → a sidecar`,
    host: behind,
    port: 7_000 + column,
    target: 8_000,
    tls: rules[rule],
  })),
];
const portsOf = (of: string): readonly object[] =>
  cells
    .filter((cell) => cell.host === of)
    .map(({ port, target }) => ({ name: `http-${port}`, port, targetPort: target }));

const resource = (apiVersion: string, kind: string, namespace: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec });
const networking = 'networking.istio.io/v1';
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: exit, namespace: istio-system }
spec:
  selector: { matchLabels: { app: exit } }
  template:
    metadata:
      labels: { app: exit, sidecar.istio.io/inject: "true" }
      annotations: { inject.istio.io/templates: gateway }
    spec:
      serviceAccountName: istio-ingressgateway-service-account
      containers: [{ name: istio-proxy, image: auto }]
`;
const manifests = [
  deployment,
  resource('v1', 'Service', 'istio-system', 'exit', { selector: { app: 'exit' }, ports: portsOf(host) }),
  resource('v1', 'Service', 'foo', 'direct', { selector: { app: 'httpbin' }, ports: portsOf(behind) }),
];

const served = serverNames.map((server): TestServer => {
  const [port, tls] = [serverPort(server), servers[server]];
  const hosts = ['web.example', host];
  return { port, name: `s${port}`, hosts, ...(tls === undefined ? { protocol: 'HTTP' } : { protocol: 'HTTPS', tls }) };
});
const way = (gateway: string, hosts: readonly string[], http: readonly object[]): string =>
  resource(networking, 'VirtualService', 'istio-system', gateway, {
    hosts,
    gateways: [`istio-system/${gateway}`],
    http,
  });
const rule = (of: string): string =>
  resource(networking, 'DestinationRule', of.split('.')[1] ?? '', 'rule', {
    host: of,
    trafficPolicy: {
      portLevelSettings: cells
        .filter((cell) => cell.host === of && cell.tls !== undefined)
        .map(({ port, tls }) => ({ port: { number: port }, tls })),
    },
  });
const policies = [
  gatewayDocument('exit', served, { namespace: 'istio-system', selector: { app: 'exit' } }),
  gatewayDocument('way', [{ port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] }], { namespace: 'istio-system' }),
  way(
    'exit',
    [host],
    [{ route: [{ destination: { host: 'httpbin.foo.svc.cluster.local', port: { number: 8000 } } }] }],
  ),
  way(
    'way',
    [host, behind],
    cells.map((cell) => ({
      match: [{ headers: { 'x-port': { exact: String(cell.port) } } }],
      route: [{ destination: { host: cell.host, port: { number: cell.port } } }],
    })),
  ),
  rule(host),
  rule(behind),
  resource('security.istio.io/v1', 'PeerAuthentication', 'foo', 'default', { mtls: { mode: 'STRICT' } }),
];

describe('authn tls-check of gateways against what calls really get', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const runDir = stack.use(await makeRunDir()).path;
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const more = join(folder, 'exit.yaml');
    await writeFile(more, manifests.join('\n---\n'));
    const envoy = newestEnvoy();
    mesh = stack.use(
      await Sandbox.up({ name: 'check', manifests: [exampleManifests('gateway'), more], envoy, runDir }),
    );
    const [authority, stranger] = [makeAuthority('authority'), makeAuthority('stranger')];
    const secret = (name: string, by: typeof authority, trusted: typeof authority): string => {
      const { certificate, key } = makeCertificate(by, name, ['web.example', host]);
      const content = { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': trusted.certificate };
      return secretYaml(name, content, 'istio-system');
    };
    const secrets = [
      secret('web', authority, authority),
      secret('own', authority, authority),
      secret('foreign', stranger, authority),
      secret('trusting', authority, stranger),
    ];
    await mesh.apply([...secrets, ...policies].join('\n---\n'), { file: 'policies.yaml' });
  });
  after(async () => {
    await stack.disposeAsync();
  });

  /** What the check says of each cell. */
  async function said(client: string): Promise<ReadonlyMap<string, string>> {
    const query = new URLSearchParams({ proxyID: client, host: '' });
    const checks: readonly TlsCheck[] = JSON.parse((await mesh.admin(`/debug/tlscheck?${query}`)).body);
    const rows = checks.flatMap((each) => each.rows);
    return new Map(
      cells.map((cell) => {
        const row = rows.find((each) => each.host === cell.host && each.port === cell.port);
        return [cell.title, row?.status ?? 'no row'];
      }),
    );
  }

  /** What a call gets: 200 comes from the application behind everything. */
  async function got(call: (cell: Cell) => ReturnType<Sandbox['curl']>): Promise<ReadonlyMap<string, string>> {
    const seen = new Map<string, string>();
    for (const cell of cells) {
      const { status } = await call(cell);
      seen.set(cell.title, status === 200 ? 'OK' : status === 503 || status === 0 ? 'CONFLICT' : String(status));
    }
    return seen;
  }

  const clients: readonly (readonly [string, (cell: Cell) => ReturnType<Sandbox['curl']>])[] = [
    ['httpbin.foo', (cell) => mesh.curl('httpbin.foo', `http://${cell.host}:${cell.port}/status/200`)],
    [
      ingress,
      (cell) =>
        mesh.curl('sleep.outside', `http://${cell.host}/status/200`, {
          args: ['-H', `x-port: ${cell.port}`, '--connect-to', `${cell.host}:80:${ingress}:80`],
        }),
    ],
    ['sleep.outside', (cell) => mesh.curl('sleep.outside', `http://${cell.host}:${cell.port}/status/200`)],
  ];
  for (const [client, call] of clients) {
    it(`agrees for calls of ${client}`, async () => {
      const [first] = cells;
      if (first === undefined) throw new Error('no cells');
      await eventually('the first call', async () => ((await call(first)).status === 200 ? true : undefined));
      const [verdicts, outcomes] = [await said(client), await got(call)];
      const open = [...verdicts].flatMap(([title, verdict]) => (verdict === 'UNKNOWN' ? [title] : []));
      expect([...verdicts].filter(([title]) => !open.includes(title))).to.deep.equal(
        [...outcomes].filter(([title]) => !open.includes(title)),
      );
      // Files of a client's machine are nothing that a control plane could read; nobody else is left in doubt.
      expect(open.filter((title) => !title.includes('of a file'))).to.deep.equal([]);
      expect(new Set(verdicts.values())).to.include.members(['OK', 'CONFLICT']);
    });
  }
});
