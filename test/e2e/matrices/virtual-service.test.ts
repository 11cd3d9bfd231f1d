import { expect } from 'chai';
import { callHttp, callTcp, callTls } from '../../support/e2e-calls.ts';
import { destinationRule, hostOf } from '../../support/e2e-destination-rules.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { connectionRoutes, routeCases, virtualService } from '../../support/e2e-virtual-services.ts';
import { world } from '../../support/e2e-world.ts';

for (const envoy of envoysUnderTest()) {
  describe(`VirtualServices of sidecars on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    const call = (from: string, path: string, host = 'server.foo'): Promise<string> =>
      callHttp(mesh.probe(from), 'server.foo', 80, host, path);

    for (const { name, services, calls } of routeCases) {
      it(name, async () => {
        await mesh.enforce(services);
        const seen = [];
        for (const { from, path, host } of calls) seen.push(await call(from, path, host));
        expect(seen).to.deep.equal(calls.map(({ answer }) => answer));
      });
    }

    it('shares of the traffic go by weight, and by the subsets of a DestinationRule', async () => {
      const weighted = virtualService('weights', ['server'], {
        http: [
          {
            route: [
              { destination: { host: hostOf('server.foo'), subset: 'all' }, weight: 50 },
              { destination: { host: hostOf('other.foo') }, weight: 50 },
            ],
          },
        ],
      });
      const subsets = destinationRule({
        namespace: 'foo',
        host: hostOf('server.foo'),
        subsets: [{ name: 'all', labels: { app: 'server' } }],
      });
      await mesh.enforce([weighted, subsets]);
      const seen = new Set<string>();
      for (let index = 0; index < 60; index += 1) seen.add(await call('sleep.foo', '/'));
      expect([...seen].sort()).to.deep.equal(['200 as sleep.foo by other.foo', '200 as sleep.foo by server.foo']);
    });

    it('connections go by port and by server name', async () => {
      await mesh.enforce(connectionRoutes);
      const connections = async (): Promise<number> =>
        Object.values(await mesh.probe(world.other).stats('^tcp\\.inbound.*downstream_cx_total$')).reduce(
          (sum, each) => sum + each,
          0,
        );
      const client = mesh.probe('sleep.foo');
      const target = 'server.foo';
      const moved = async (ask: () => Promise<string>): Promise<string> => {
        const before = await connections();
        const heard = await ask();
        return `${heard} ${(await connections()) > before ? 'elsewhere' : 'as meant'}`;
      };
      expect([
        await moved(() => callTcp(client, target, 9000)),
        await moved(() => callTcp(client, target, 9001)),
        await moved(() => callTls(client, target, 9443, 'other.example')),
        await moved(() => callTls(client, target, 9443, 'server.example')),
      ]).to.deep.equal(['heard elsewhere', 'heard as meant', 'heard elsewhere', 'heard as meant']);
    });
  });
}
