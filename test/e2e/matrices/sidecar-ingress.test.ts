import { once } from 'node:events';
import { expect } from 'chai';
import { callHttp, callTcp, overMtls } from '../../support/e2e-calls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { deny, from, type PolicyObject, to, workloadMode } from '../../support/e2e-policies.ts';
import { sidecar } from '../../support/e2e-sidecars.ts';
import { toYaml, world, worldManifests } from '../../support/e2e-world.ts';
import { eventually } from '../../support/sandbox.ts';

/** Leads to the ports that the Sidecar takes in; nothing of the app listens there. */
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'front', namespace: 'foo' },
  spec: {
    selector: { app: 'server' },
    ports: [
      { name: 'http', port: 18_080 },
      { name: 'tcp', port: 18_090 },
      { name: 'http-socket', port: 18_070 },
    ],
  },
};

const name = 'front.foo';
const ports = { http: 18_080, tcp: 18_090, socket: 18_070 } as const;

const listeners = (socket: string, http: object = {}): readonly object[] => [
  { port: { number: ports.http, name: 'http', protocol: 'HTTP' }, defaultEndpoint: '127.0.0.1:8080', ...http },
  { port: { number: ports.tcp, name: 'tcp', protocol: 'TCP' }, defaultEndpoint: '0.0.0.0:9000' },
  { port: { number: ports.socket, name: 'socket', protocol: 'HTTP' }, defaultEndpoint: `unix://${socket}` },
];

/** What comes of a call on each of them. */
interface Seen {
  readonly http: string;
  readonly tcp: string;
  readonly socket?: string;
}

for (const envoy of envoysUnderTest()) {
  describe(`what a Sidecar takes in on ${envoy.name}`, () => {
    const stack = new AsyncDisposableStack();
    let mesh: Mesh;
    let socket: string;

    before(async () => {
      const manifests = [
        { file: 'world.yaml', yaml: worldManifests() },
        { file: 'front.yaml', yaml: toYaml([service]) },
      ];
      mesh = stack.use(await Mesh.up(envoy.path, { manifests }));
      const { sandbox } = mesh;
      const made = await sandbox.exec(world.server, ['mktemp', '-d', '/tmp/coxswain-ingress-XXXXXX']);
      const folder = made.stdout.trim();
      socket = `${folder}/app.sock`;
      await sandbox.exec(world.server, ['chmod', '755', folder]);
      // Whoever may write to the socket may connect to it.
      const program = `
        import { createServer } from 'node:http';
        import { chmodSync } from 'node:fs';
        createServer(({ headers }, answer) => answer.end(JSON.stringify({ headers: { ...headers, socket: 'yes' } })))
          .listen(${JSON.stringify(socket)}, () => { chmodSync(${JSON.stringify(socket)}, 0o777); console.log('ready'); });
        process.stdin.on('end', () => process.exit()).resume();`;
      const app = sandbox.spawn(world.server, [sandbox.insidePath('bin/node'), '--input-type=module', '-e', program]);
      app.stderr.pipe(process.stderr);
      stack.defer(async () => {
        app.stdin.end();
        await once(app, 'close');
        await sandbox.exec(world.server, ['rm', '-rf', folder]);
      });
      await once(app.stdout, 'data');
    });

    after(async () => {
      await stack.disposeAsync();
    });

    async function enforce(policies: readonly PolicyObject[], http: object = {}): Promise<void> {
      await mesh.enforce([sidecar('foo', { ingress: listeners(socket, http) }, 'server'), ...policies], {
        drained: true,
      });
    }

    /** What a client gets on the three ports. */
    async function seen(client: string): Promise<Seen> {
      const probe = mesh.probe(client);
      return {
        http: await callHttp(probe, name, ports.http, name),
        tcp: await overMtls(mesh.probe(world.server), () => callTcp(probe, name, ports.tcp)),
        // Containers of a pod share no files unless it says so, and this one doesn't.
        ...(mesh.kube ? {} : { socket: await callHttp(probe, name, ports.socket, name) }),
      };
    }

    const all = (http: string, tcp: string, socket = http): Seen => ({ http, tcp, ...(mesh.kube ? {} : { socket }) });
    const mtls = (client: string): Seen => all(`200 as ${client} by ${world.server}`, 'heard over mTLS');

    it('nothing, without it: the app listens elsewhere', async () => {
      await mesh.enforce([]);
      expect(await seen('sleep.bar')).to.deep.equal(all('503', 'cut'));
    });

    it('leads to the app: on another port of 127.0.0.1, on one of the pod, and behind a socket', async () => {
      await enforce([]);
      expect(await seen('sleep.bar')).to.deep.equal(mtls('sleep.bar'));
      expect(await seen('sleep.foo')).to.deep.equal(mtls('sleep.foo'));
      expect(await seen('sleep.legacy')).to.deep.equal(all('200 in plaintext', 'heard in plaintext'));
    });

    it('still leads to the app on ports that only services name', async () => {
      await enforce([]);
      expect(await callHttp(mesh.probe('sleep.bar'), world.server, 80, world.server)).to.equal(
        `200 as sleep.bar by ${world.server}`,
      );
      expect(await callHttp(mesh.probe('sleep.legacy'), world.server, 80, world.server)).to.equal('200 in plaintext');
    });

    it('is held to the mTLS mode of the workload, and of the port', async () => {
      await enforce([workloadMode('server', 'STRICT', { [ports.tcp]: 'PERMISSIVE' })]);
      expect(await seen('sleep.bar')).to.deep.equal(mtls('sleep.bar'));
      expect(await seen('sleep.legacy')).to.deep.equal(all('cut', 'heard in plaintext'));
      await enforce([workloadMode('server', 'STRICT', { [ports.http]: 'DISABLE' })]);
      expect(await seen('sleep.bar')).to.deep.equal({ ...mtls('sleep.bar'), http: '200 in plaintext' });
    });

    it('is held to policies by its own port', async () => {
      await enforce([
        deny([
          { ...to({ ports: [String(ports.http)], paths: ['/secret'] }) },
          { ...from({ namespaces: ['bar'] }), ...to({ ports: [String(ports.tcp)] }) },
          { ...from({ principals: ['cluster.local/ns/foo/sa/sleep'] }), ...to({ ports: [String(ports.socket)] }) },
        ]),
      ]);
      const secret = async (client: string): Promise<string> =>
        await callHttp(mesh.probe(client), name, ports.http, name, '/secret');
      expect(await secret('sleep.bar')).to.equal('403');
      expect(await seen('sleep.bar')).to.deep.equal({ ...mtls('sleep.bar'), tcp: 'cut' });
      expect(await secret('sleep.legacy')).to.equal('403');
      const { http, tcp } = mtls('sleep.foo');
      expect(await seen('sleep.foo')).to.deep.equal(all(http, tcp, '403'));
    });

    it('takes no more at a time than its limits say', async () => {
      await enforce([], { connectionPool: { http: { http1MaxPendingRequests: 1 }, tcp: { maxConnections: 1 } } });
      const limits = async (): Promise<readonly string[]> =>
        (await mesh.probe(world.server).envoy('/clusters'))
          .split('\n')
          .filter((line) => line.startsWith(`inbound|${ports.http}||::default_priority::max_`))
          .map((line) => line.split('::').slice(2).join(' '));
      expect((await limits()).slice(0, 2)).to.deep.equal(['max_connections 1', 'max_pending_requests 1']);
      expect(await seen('sleep.bar')).to.deep.equal(mtls('sleep.bar'));
    });

    it('is nothing again once it is gone', async () => {
      await mesh.enforce([], { drained: true });
      await eventually('its ports to lead nowhere', async () =>
        (await callHttp(mesh.probe('sleep.bar'), name, ports.http, name)) === '503' ? true : undefined,
      );
    });
  });
}
