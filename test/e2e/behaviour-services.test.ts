import { expect } from 'chai';
import { disturbances, keptHttp, moved, shortAnswer } from '../support/behaviour-envoy.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { toYaml, world } from '../support/e2e-world.ts';
import { eventually } from '../support/sandbox.ts';

/** A port that no other service of the mesh has. */
const port = 8765;
const full = 'late.foo.svc.cluster.local';
const service = toYaml([
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'late', namespace: 'foo' },
    spec: { selector: { app: 'server' }, ports: [{ name: 'http', port, targetPort: 8080 }] },
  },
]);

for (const mode of ['ALLOW_ANY', 'REGISTRY_ONLY'] as const) {
  describe(`under ${mode}`, () => {
    const passes = mode === 'ALLOW_ANY';
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(newestEnvoy(), { meshYaml: `outboundTrafficPolicy: { mode: ${mode} }\n` });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    const call = async (host: string, at: number, header = host) =>
      shortAnswer(await mesh.probe('sleep.foo').ask('http', { host, port: at, path: '/', headers: { host: header } }));

    const until = async (what: string, host: string, at: number, wanted: (answer: string) => boolean) =>
      await eventually(what, async () => (wanted(await call(host, at)) ? true : undefined), 5_000);

    it('a new service on a port of its own works within seconds, by every name, and is gone with its object', async () => {
      const client = mesh.probe('sleep.foo');
      const before = await disturbances(client);
      const [file = ''] = await mesh.sandbox.apply(service);
      const address = mesh.sandbox.status.services.find((each) => each.name === 'late')?.address ?? 'none';
      await until('an answer of the new service', 'late', port, (answer) => answer === '200');
      const names = ['late', 'late.foo', 'late.foo.svc', full, `${full}.`, address];
      const hosts = [...names, ...names.map((name) => `${name}:${port}`)];
      const seen = await Promise.all(hosts.map(async (host) => [host, await call(address, port, host)]));
      expect(Object.fromEntries(seen)).to.deep.equal(Object.fromEntries(hosts.map((host) => [host, '200'])));
      expect(await call(address, port, 'nobody.example')).to.equal(passes ? '200' : '502');
      const { 'listener_manager.listener_added': added, ...others } = moved(before, await disturbances(client));
      expect(added).to.equal(1);
      // The calls themselves each end a connection of the new listener.
      expect(Object.keys(others)).to.deep.equal([`http.outbound_0.0.0.0_${port}.downstream_cx_destroy`]);

      await mesh.sandbox.remove(file);
      await until('it to be gone', address, port, (answer) => answer !== '200');
      await mesh.settled();
      for (const page of ['/clusters', '/config_dump', '/listeners']) {
        expect(await client.envoy(page), page).to.not.include('late.foo');
      }
      expect(await client.envoy('/listeners')).to.not.include(`:${port}`);
    });

    it('a new service on a port that others have brings its routes and touches no listener', async () => {
      const client = mesh.probe('sleep.foo');
      const kept = await keptHttp(client, 'server.foo');
      expect(await kept.get('/')).to.equal('200');
      const before = await disturbances(client);
      const [file = ''] = await mesh.sandbox.apply(service.replace(`"port":${port}`, '"port":80'));
      const address = mesh.sandbox.status.services.find((each) => each.name === 'late')?.address ?? 'none';
      const routed = () => client.stats(`^cluster\\.outbound\\|80\\|\\|late\\.foo\\..*upstream_rq_200$`);
      await eventually('a call by its route', async () => {
        // 503: for the moment in which Envoy has the route already and its cluster, new too, still waits for endpoints.
        expect(await call(address, 80, 'late')).to.be.oneOf(['200', '502', '503']);
        return Object.values(await routed()).some((count) => count > 0) ? true : undefined;
      });
      expect(await kept.get('/')).to.equal('200');
      const listeners = Object.entries(moved(before, await disturbances(client))).filter(([key]) =>
        key.startsWith('listener'),
      );
      expect(listeners).to.deep.equal([]);
      await mesh.sandbox.remove(file);
      await mesh.settled();
      expect(await client.envoy('/config_dump')).to.not.include('late.foo');
    });

    it(`what no service names ${passes ? 'passes through' : 'is refused'}`, async () => {
      const { ip } = mesh.sandbox.pod(world.bare);
      const client = mesh.probe('sleep.foo');
      expect(await call('server.foo', 80, 'nobody.example')).to.equal(passes ? '200' : '502');
      expect(await call(ip, 6060, 'nobody.example')).to.be.oneOf(passes ? ['200'] : ['closed', 'reset']);
      const heard = await client.ask('tcp', { host: ip, port: 6061, say: 'hello\n' });
      if (passes) expect(heard).to.deep.equal({ reply: 'heard hello\n' });
      else expect(heard).to.have.property('error').that.is.oneOf(['closed', 'reset']);
    });
  });
}
