import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { SyncEntry } from '../../../src/admin/sync-entry.ts';
import { gatewayHooks } from '../../../src/inject/gateway-hooks.ts';
import { objectIn } from '../../../src/lib/json-fields.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { alive, eventually, exampleManifests, family, makeRunDir, startCli } from '../../support/sandbox.ts';

const gateway = 'istio-ingressgateway.istio-system';
const health = `http://${gateway}:15021/healthz/ready`;
const binary = (version: string): string =>
  fileURLToPath(new URL(`../../../.tools/envoy-${version}/envoy`, import.meta.url));

/** Types in the order of proxy-status, with what the last response held. */
async function syncOf(mesh: Sandbox, pod: string): Promise<SyncEntry | undefined> {
  const entries: readonly SyncEntry[] = JSON.parse((await mesh.admin('/debug/syncz')).body);
  return entries.find(({ name }) => name === pod);
}

for (const version of ['1.40.0', '1.36.2']) {
  describe(`a gateway in a sandbox, Envoy ${version}`, () => {
    let stack: AsyncDisposableStack;
    let mesh: Sandbox;
    let runDir: string;

    before(async () => {
      stack = new AsyncDisposableStack();
      const run = stack.use(await makeRunDir());
      runDir = run.path;
      const manifests = [exampleManifests('gateway')];
      mesh = stack.use(await Sandbox.up({ name: 'edge', manifests, envoy: binary(version), runDir }));
    });
    after(async () => {
      await stack.disposeAsync();
    });

    it('runs Envoy alone, as a router', () => {
      const { name, proxy, envoy, app, serviceAccount } = mesh.pod(gateway);
      expect({ name, proxy, envoy, app, serviceAccount }).to.deep.equal({
        name: 'istio-ingressgateway-1',
        proxy: 'router',
        envoy: 'running',
        app: 'none',
        serviceAccount: 'istio-ingressgateway-service-account',
      });
    });

    it('connects as who it is, and gets clusters, endpoints and keys, but no listener without a Gateway', async () => {
      const pod = 'istio-ingressgateway-1.istio-system';
      const entry = await eventually('everything to be acknowledged', async () => {
        const found = await syncOf(mesh, pod);
        return found?.types.every(({ state }) => state === 'SYNCED') === true ? found : undefined;
      });
      const { ip } = mesh.pod(gateway);
      const { id, serviceAccount, provenBy, envoy, types } = entry;
      expect({ id, serviceAccount, provenBy, envoy }).to.deep.equal({
        id: `router~${ip}~${pod}~istio-system.svc.cluster.local`,
        serviceAccount: 'istio-ingressgateway-service-account',
        provenBy: 'join-token',
        envoy: version,
      });
      const of = (type: string): number | undefined => types.find((each) => each.type === type)?.resources;
      expect(of('LDS')).to.equal(0);
      expect(of('CDS')).to.be.greaterThan(3);
      expect(of('EDS')).to.be.greaterThan(3);
      const { body } = await mesh.envoyAdmin(gateway, '/clusters');
      expect(body).to.include('outbound|8000||httpbin.foo.svc.cluster.local::10.77.0.10:8000::health_flags::healthy');
    });

    it('answers on its health port, by the name of its Service, to callers in the mesh and outside of it', async () => {
      for (const caller of ['sleep.outside', 'httpbin.foo', gateway])
        expect([caller, (await mesh.curl(caller, health)).status]).to.deep.equal([caller, 200]);
      // Nobody listens behind port 80 of the Service yet, and nothing stands between: the caller is refused, not reset.
      const { exit, status } = await mesh.curl('sleep.outside', `http://${gateway}/`);
      expect({ exit, status }).to.deep.equal({ exit: 7, status: 0 });
    });

    it('leads from the ports of the Service to those of the container', async () => {
      const { code, stdout } = await mesh.execOnNode(['iptables-save', '-t', 'nat']);
      const { ip } = mesh.pod(gateway);
      const address = mesh.status.services.find(({ name }) => name === 'istio-ingressgateway')?.address;
      const rules = stdout.split('\n').filter((line) => line.includes(`-d ${address}/32`));
      expect(code).to.equal(0);
      expect(rules.map((line) => /--dport (\d+).*--to-destination (\S+)/.exec(line)?.slice(1))).to.deep.equal([
        ['15021', `${ip}:15021`],
        ['80', `${ip}:8080`],
        ['443', `${ip}:8443`],
      ]);
    });

    it('can be called from this machine, as long as a port is forwarded', async () => {
      const child = startCli(['sandbox', 'port-forward', gateway, ':15021', ':80'], runDir);
      const ended = once(child, 'exit');
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const forwarded = async (): Promise<string> => String((await lines.next()).value).split(' -> ')[0] ?? '';
      const [first, second] = [await forwarded(), await forwarded()];
      expect((await fetch(`http://${first}/healthz/ready`)).status).to.equal(200);
      // A caller whom nobody would answer there gets no answer here.
      const failed = await fetch(`http://${second}/`).catch((thrown: Error) => thrown);
      expect(failed).to.be.instanceOf(Error);
      const children = await family(child.pid ?? 0);
      expect(children.length).to.be.greaterThan(2);
      child.kill('SIGINT');
      expect((await ended)[0]).to.equal(0);
      expect(await alive(children)).to.deep.equal([]);
    });

    it('intercepts nothing, and may listen on low ports', async () => {
      const { stdout } = await mesh.exec(gateway, ['iptables-save', '-t', 'nat'], { user: 'root' });
      expect(stdout.split('\n').filter((line) => line.startsWith('-A'))).to.deep.equal([]);
      const script =
        "require('node:net').createServer().listen(80, () => process.exit(0)).on('error', () => process.exit(9))";
      const { code } = await mesh.exec(gateway, [mesh.insidePath('bin/node'), '-e', script], { user: 'proxy' });
      expect(code).to.equal(0);
    });

    it('is not ready before it knows what to serve', async () => {
      await mesh.killControlPlane();
      await mesh.killEnvoy(gateway);
      const started = mesh.startEnvoy(gateway);
      const state = await eventually('Envoy to wait for its first configuration', async () => {
        const { body, status } = await mesh.envoyAdmin(gateway, '/server_info');
        return status === 200 ? String(JSON.parse(body).state) : undefined;
      });
      expect(state).to.be.oneOf(['INITIALIZING', 'PRE_INITIALIZING']);
      expect((await mesh.curl('sleep.outside', health)).exit).to.equal(7);
      await mesh.startControlPlane();
      await started;
      expect((await mesh.curl('sleep.outside', health)).status).to.equal(200);
    });

    it('lets callers go before it ends, and takes those that come meanwhile', async () => {
      const { command } = objectIn(objectIn(gatewayHooks(), 'preStop'), 'exec');
      const hook = mesh.exec(gateway, Array.isArray(command) ? command.map(String) : [], {
        user: 'proxy',
        timeoutMs: 60_000,
      });
      await eventually('the health port to say no', async () =>
        (await mesh.curl('sleep.outside', health)).status === 503 ? true : undefined,
      );
      const page = `http://${mesh.pod(gateway).ip}:15090/stats/prometheus`;
      const { status, body } = await mesh.curl('sleep.outside', page, { args: ['--include', '--output', '-'] });
      expect([status, /^connection: close\r$/m.test(body)]).to.deep.equal([200, true]);
      expect((await hook).code).to.equal(0);
      await mesh.restartEnvoy(gateway);
    });
  });
}
