import { expect } from 'chai';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { types } from '../../../src/model/type-urls.ts';
import { createXdsServer } from '../../../src/xds/server.ts';
import { freePort } from '../../support/free-ports.ts';
import {
  backend,
  edsCluster,
  endpoints,
  layerOf,
  listener,
  rbacFilter,
  routes,
  vhdsRoutes,
  virtualHost,
  virtualHostResource,
  XdsEnvoy,
} from '../../support/xds-envoy.ts';
import { FakeProvider } from '../../support/xds-provider.ts';
import { fakeAuthenticator, startServer } from '../../support/xds-server.ts';

/** Asks until the answer is the wanted one; fails with the last one. */
async function answers(port: number, wanted: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  let last = '';
  while (last !== wanted) {
    last = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } }).then(
      async (response) => (response.ok ? await response.text() : String(response.status)),
      () => 'refused',
    );
    if (Date.now() > end) {
      expect(last).to.equal(wanted);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function eventually(check: () => Promise<boolean>, what: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One listener that leads to one backend. */
function world(provider: FakeProvider, port: number, backendPort: number, vhds: boolean): void {
  provider.share(types.cluster, layerOf('c', edsCluster('one'), edsCluster('two')));
  provider.share(types.endpoint, layerOf('e', endpoints('one', backendPort), endpoints('two', backendPort)));
  provider.share(types.listener, layerOf('l', listener('in', port, '80', 'rbac')));
  provider.share(types.extension, layerOf('x', rbacFilter('rbac', false)));
  if (vhds) {
    provider.share(types.route, layerOf('r', vhdsRoutes('80')));
    provider.share(types.virtualHost, layerOf('v', virtualHostResource('80/all', 'one', '*')));
  } else {
    provider.share(types.route, layerOf('r', routes('80', virtualHost('all', 'one'))));
  }
}

for (const mode of ['DELTA_GRPC', 'GRPC'] as const) {
  describe(`Envoy on ${mode} ADS`, () => {
    it('starts, follows every kind of change, and warms clusters without a delay', async () => {
      await using run = await startServer();
      await using first = await backend('first');
      await using second = await backend('second');
      const port = await freePort();
      const { provider, server } = run;
      world(provider, port, first.port, mode === 'DELTA_GRPC');
      await using envoy = await XdsEnvoy.start(run.port, mode);
      await answers(port, 'first');
      provider.share(types.endpoint, layerOf('e', endpoints('one', second.port), endpoints('two', first.port)));
      await answers(port, 'second');
      provider.share(types.extension, layerOf('x', rbacFilter('rbac', true)));
      await answers(port, '403');
      provider.share(types.extension, layerOf('x', rbacFilter('rbac', false)));
      await answers(port, 'second');
      if (mode === 'DELTA_GRPC') {
        provider.share(types.virtualHost, layerOf('v', virtualHostResource('80/all', 'two', '*')));
      } else {
        provider.share(types.route, layerOf('r', routes('80', virtualHost('all', 'two'))));
      }
      await answers(port, 'first');

      const before = Date.now();
      provider.share(types.cluster, layerOf('c', edsCluster('one'), edsCluster('two', 2)));
      await eventually(async () => (await envoy.stat('cluster_manager.cluster_modified')) === 1, 'cluster modified');
      await eventually(async () => (await envoy.stat('cluster_manager.warming_clusters')) === 0, 'cluster warm');
      expect(Date.now() - before).to.be.below(2000);
      await answers(port, 'first');

      provider.share(types.listener, layerOf('l'));
      provider.share(types.cluster, layerOf('c', edsCluster('one')));
      await answers(port, 'refused');
      // Two are of the bootstrap.
      await eventually(async () => (await envoy.stat('cluster_manager.active_clusters')) === 3, 'cluster removed');
      expect(server.counters().rejects.size).to.equal(0);
      // Over SotW Envoy asks for the endpoints of a warming cluster again, and that request may cross their coming.
      expect(server.counters().staleNonces).to.be.at.most(mode === 'GRPC' ? 2 : 0);
    });
  });
}

describe('Envoy on delta ADS', () => {
  it('gets the virtual hosts of a route configuration that comes later', async () => {
    await using run = await startServer();
    await using first = await backend('first');
    const [port, later] = [await freePort(), await freePort()];
    const { provider } = run;
    world(provider, port, first.port, true);
    await using _envoy = await XdsEnvoy.start(run.port, 'DELTA_GRPC');
    await answers(port, 'first');
    const before = Date.now();
    const hosts = ['80/all', '81/all'].map((name) => virtualHostResource(name, 'two', '*'));
    provider.share(types.virtualHost, layerOf('v', ...hosts));
    provider.share(types.route, layerOf('r', vhdsRoutes('80'), vhdsRoutes('81')));
    const listeners = [listener('in', port, '80', 'rbac'), listener('later', later, '81', 'rbac')];
    provider.share(types.listener, layerOf('l', ...listeners));
    await answers(later, 'first');
    expect(Date.now() - before).to.be.below(2000);
  });

  it('comes back to a restarted server, and is sent what changed alone', async () => {
    const provider = new FakeProvider();
    const xdsPort = await freePort();
    const start = async () => {
      const log = silentLogger;
      const server = createXdsServer({ provider, authenticator: fakeAuthenticator, clock: systemClock, log });
      await server.listenInsecure(`127.0.0.1:${xdsPort}`);
      return server;
    };
    await using first = await backend('first');
    await using second = await backend('second');
    const port = await freePort();
    world(provider, port, first.port, true);
    const server = await start();
    await using envoy = await XdsEnvoy.start(xdsPort, 'DELTA_GRPC');
    await answers(port, 'first');
    await server.close(0);
    provider.share(types.endpoint, layerOf('e', endpoints('one', second.port), endpoints('two', first.port)));
    await using again = await start();
    await answers(port, 'second');
    await eventually(
      async () =>
        again.status()[0]?.types.length === 6 &&
        again.status()[0]?.types.every((each) => each.state === 'SYNCED') === true,
      'in sync',
    );
    expect(again.counters().sentResources).to.equal(1);
    expect(await envoy.stat('listener_manager.listener_modified')).to.equal(0);
  });

  it('gets all that is good of a response with a bad resource', async () => {
    await using run = await startServer();
    await using first = await backend('first');
    const port = await freePort();
    const { provider, server } = run;
    world(provider, port, first.port, true);
    const good = listener('in', port, '80', 'rbac');
    // The same address twice: Envoy takes one of the two, and refuses the other.
    const twin = listener('twin', port, '80', 'rbac');
    const other = await freePort();
    provider.share(types.listener, layerOf('l', good, twin, listener('other', other, '80', 'rbac')));
    await using _envoy = await XdsEnvoy.start(run.port, 'DELTA_GRPC');
    await answers(port, 'first');
    await answers(other, 'first');
    await eventually(async () => server.parked().length === 1, 'parked');
    const [parked] = server.parked();
    expect(parked?.message).to.contain('Error adding/updating listener(s) ');
    expect(server.status()[0]?.types.find((each) => each.type === types.listener)?.state).to.equal('ERROR');
  });
});
