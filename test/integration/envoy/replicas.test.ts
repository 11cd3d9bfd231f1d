import { Agent, request } from 'node:https';
import { any, decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import { createSecretProvider, type SecretProvider } from '../../../src/ca/secrets.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { types } from '../../../src/model/type-urls.ts';
import type { Attachment, ConfigProvider } from '../../../src/xds/provider.ts';
import { createXdsServer } from '../../../src/xds/server.ts';
import type { XdsServer } from '../../../src/xds/server-types.ts';
import { freePort } from '../../support/free-ports.ts';
import { draws, LoadBalancer } from '../../support/replicas.ts';
import {
  backend,
  edsCluster,
  endpoints,
  layerOf,
  listener,
  made,
  rbacFilter,
  routes,
  vhdsRoutes,
  virtualHost,
  virtualHostResource,
  XdsEnvoy,
} from '../../support/xds-envoy.ts';
import { FakeProvider } from '../../support/xds-provider.ts';
import { fakeAuthenticator } from '../../support/xds-server.ts';
import { temporaryDirectory } from '../../unit/ca/helpers.ts';

const token = 'shop/web';

async function eventually(check: () => Promise<boolean> | boolean, what: string, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Configuration that tests set, and real secrets beside it; knows when streams came and went. */
class Provider implements ConfigProvider {
  readonly rest = new FakeProvider();
  readonly came: number[] = [];
  readonly went: number[] = [];
  readonly #secrets: SecretProvider;

  constructor(secrets: SecretProvider) {
    this.#secrets = secrets;
  }

  attach(...[proxy, changed, peer]: Parameters<ConfigProvider['attach']>): Attachment {
    this.came.push(Date.now());
    using stack = new DisposableStack();
    const rest = stack.use(this.rest.attach(proxy, changed));
    const own = stack.use(this.#secrets.attach(proxy, peer, () => changed(new Set([types.secret]))));
    stack.defer(() => this.went.push(Date.now()));
    const held = stack.move();
    return {
      view: rest.view,
      layers: (type) => (type === types.secret ? own.layers() : rest.layers(type)),
      adopt: (_, name, version) => {
        if (name === 'default') own.adopt(version);
      },
      [Symbol.dispose]: () => held.dispose(),
    };
  }
}

/** One replica: its server, and what it serves. */
async function replica(authority: Authority, maxConnectionAgeMs = 0) {
  const log = silentLogger;
  let issued = 0;
  const secrets = createSecretProvider({
    authority,
    clock: systemClock,
    random: Math.random,
    log,
    issued: () => {
      issued++;
    },
  });
  const provider = new Provider(secrets);
  const server: XdsServer = createXdsServer({
    provider,
    authenticator: fakeAuthenticator,
    clock: systemClock,
    log,
    maxConnectionAgeMs,
  });
  const port = await server.listenInsecure('127.0.0.1:0');
  return { provider, server, port, issued: () => issued, [Symbol.asyncDispose]: () => server.close(0) };
}

/** The listener of `xds-envoy.ts` under TLS, with the certificate that comes by SDS. */
function tlsListener(port: number): Resource {
  const plain = decode('envoy.config.listener.v3.Listener', listener('in', port, '80', 'rbac').body);
  const context = any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [{ name: 'default', sdsConfig: { ads: {}, resourceApiVersion: 2 } }],
    },
  });
  const transportSocket = { name: 'envoy.transport_sockets.tls', typedConfig: context };
  return made('envoy.config.listener.v3.Listener', 'in', {
    ...plain,
    filterChains: (plain.filterChains ?? []).map((chain) => ({ ...chain, transportSocket })),
  });
}

/** One listener that leads to one backend, with its virtual hosts one by one (Envoy 1.38 and later) or in the route. */
function serve({ rest }: Provider, port: number, backendPort: number, vhds: boolean): void {
  rest.share(types.cluster, layerOf('c', edsCluster('one'), edsCluster('two')));
  rest.share(types.endpoint, layerOf('e', endpoints('one', backendPort), endpoints('two', backendPort)));
  rest.share(types.listener, layerOf('l', tlsListener(port)));
  rest.share(types.extension, layerOf('x', rbacFilter('rbac', false)));
  if (vhds) {
    rest.share(types.route, layerOf('r', vhdsRoutes('80')));
    rest.share(types.virtualHost, layerOf('v', virtualHostResource('80/all', 'one', '*')));
  } else {
    rest.share(types.route, layerOf('r', routes('80', virtualHost('all', 'one'))));
  }
}

/** One request; rejects where it is not answered. `agent` keeps its connection. */
function ask(port: number, agent: Agent | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, rejectUnauthorized: false, agent: agent ?? new Agent() },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () => resolve(`${response.statusCode} ${body}`));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Asks all the time, on a connection that stays and on new ones. */
class Traffic implements AsyncDisposable {
  readonly answers = new Map<string, number>();
  readonly #kept = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #done: Promise<unknown>;
  #over = false;

  constructor(port: number) {
    this.#done = Promise.all([this.#loop(port, this.#kept), this.#loop(port, undefined)]);
  }

  get sent(): number {
    return [...this.answers.values()].reduce((sum, each) => sum + each, 0);
  }

  async #loop(port: number, agent: Agent | undefined): Promise<void> {
    while (!this.#over) {
      const answer = await ask(port, agent).catch((error: Error) => error.message);
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#done;
    this.#kept.destroy();
  }
}

interface Certificates {
  readonly certificates: readonly { readonly cert_chain?: readonly { readonly serial_number: string }[] }[];
}

async function serials(envoy: XdsEnvoy): Promise<readonly string[]> {
  const { certificates }: Certificates = JSON.parse(await envoy.admin('/certs'));
  return certificates.flatMap((each) => (each.cert_chain ?? []).map(({ serial_number }) => serial_number));
}

/** What Envoy counts when its configuration comes anew. */
const counted = [
  'listener_manager.lds.update_success',
  'listener_manager.lds.update_rejected',
  'listener_manager.listener_added',
  'listener_manager.listener_modified',
  'listener_manager.listener_in_place_updated',
  'listener_manager.total_listeners_draining',
  'cluster_manager.cds.update_rejected',
  'cluster_manager.cluster_added',
  'cluster_manager.cluster_modified',
  'cluster_manager.cluster_removed',
  'cluster_manager.warming_clusters',
  'cluster.one.update_success',
  'cluster.two.update_success',
  'http.in.rds.80.update_success',
  'http.in.rds.80.config_reload',
  'http.in.rds.80.vhds.update_success',
];

async function updates(envoy: XdsEnvoy): Promise<Readonly<Record<string, number>>> {
  const stats: Record<string, number> = {};
  const text = await envoy.admin('/stats');
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^(\S+): (\d+)$/.exec(line) ?? [];
    const secret = /(sds|extension_config_discovery)\..*update_success$/.test(name);
    if (counted.includes(name) || secret) stats[name] = Number(value);
  }
  return stats;
}

async function authorities(): Promise<readonly [Authority, Authority]> {
  await using directory = await temporaryDirectory();
  const open = () => openAuthority(directory.path, { trustDomain: trustDomain('cluster.local'), clock: systemClock });
  return [await open(), await open()];
}

for (const vhds of [true, false]) {
  describe(`an Envoy with two replicas behind one address, ${vhds ? 'VHDS' : 'whole routes'}`, () => {
    it('moves from one that drains to the other: no update, no failed request, the same certificate', async () => {
      const [first, second] = await authorities();
      await using a = await replica(first);
      await using b = await replica(second);
      await using echo = await backend('echo');
      const port = await freePort();
      for (const { provider } of [a, b]) serve(provider, port, echo.port, vhds);
      await using balancer = await LoadBalancer.start([a.port], draws(1));
      await using envoy = await XdsEnvoy.start(balancer.port, 'DELTA_GRPC', token);
      await eventually(
        () =>
          ask(port, undefined).then(
            (answer) => answer === '200 echo',
            () => false,
          ),
        'traffic',
      );
      await eventually(() => a.server.status()[0]?.types.every(({ state }) => state === 'SYNCED') === true, 'in sync');
      const before = { updates: await updates(envoy), serials: await serials(envoy) };
      expect(before.serials).to.have.length(1);
      expect(Object.keys(before.updates).length).to.be.at.least(15);
      const greeted = (await envoy.stat('cluster_manager.cds.update_success')) ?? 0;

      await using traffic = new Traffic(port);
      await eventually(() => traffic.sent > 50, 'requests before');
      balancer.targets = [b.port];
      const started = Date.now();
      await a.server.drain(5_000);
      await eventually(
        () =>
          b.server.status()[0]?.types.length === (vhds ? 7 : 6) &&
          b.server.status()[0]?.types.every(({ state }) => state === 'SYNCED') === true,
        'in sync at the other',
      );
      expect(Date.now() - started, 'ms until all is well again').to.be.below(5_000);
      const sent = traffic.sent;
      await eventually(() => traffic.sent > sent + 50, 'requests after');

      expect(await updates(envoy)).to.deep.equal(before.updates);
      expect(await serials(envoy)).to.deep.equal(before.serials);
      expect([...traffic.answers.keys()]).to.deep.equal(['200 echo']);
      expect([a.issued(), b.issued()]).to.deep.equal([1, 0]);
      expect(b.server.counters().sentResources).to.equal(0);
      // The one empty answer: it says that somebody is there, and changes nothing.
      expect(await envoy.stat('cluster_manager.cds.update_success')).to.equal(greeted + 1);
      expect(envoy.said, 'warnings').to.not.match(/closed|reset|timed out/);

      // A change reaches it from the other one, on the connections that were open before.
      b.provider.rest.share(types.extension, layerOf('x', rbacFilter('rbac', true)));
      await eventually(() => [...traffic.answers.keys()].some((answer) => answer.startsWith('403')), 'the change');
    });

    it('comes back at once each time that its connection is too old, however quiet the mesh is', async () => {
      const [first, second] = await authorities();
      await using a = await replica(first, 800);
      await using b = await replica(second, 800);
      await using echo = await backend('echo');
      const port = await freePort();
      for (const { provider } of [a, b]) serve(provider, port, echo.port, vhds);
      await using balancer = await LoadBalancer.start([a.port, b.port], draws(3));
      await using envoy = await XdsEnvoy.start(balancer.port, 'DELTA_GRPC', token);
      await eventually(
        () =>
          ask(port, undefined).then(
            (answer) => answer === '200 echo',
            () => false,
          ),
        'traffic',
      );
      const before = await updates(envoy);
      const both = (of: 'came' | 'went') => [...a.provider[of], ...b.provider[of]].sort((x, y) => x - y);
      await using traffic = new Traffic(port);
      await eventually(() => both('came').length >= 9, 'eight reconnects', 40_000);
      const gaps = both('went')
        .slice(0, 8)
        .map((at, index) => (both('came')[index + 1] ?? Number.NaN) - at);
      // Envoy draws from 0 to 250 ms; if it took a quiet stream for a failure, the eighth could wait ten seconds.
      expect(Math.max(...gaps), `gaps: ${gaps.join(', ')}`).to.be.below(2_000);
      expect(a.provider.came).to.not.deep.equal([]);
      expect(b.provider.came).to.not.deep.equal([]);
      expect(await updates(envoy)).to.deep.equal(before);
      expect([...traffic.answers.keys()]).to.deep.equal(['200 echo']);
      expect(a.issued() + b.issued()).to.equal(1);
      expect(envoy.said, 'warnings').to.not.match(/closed|reset|timed out/);
    });

    it('finds the other one where the first is full', async () => {
      const [first, second] = await authorities();
      await using a = await replica(first);
      await using b = await replica(second);
      await using echo = await backend('echo');
      const port = await freePort();
      for (const { provider } of [a, b]) serve(provider, port, echo.port, vhds);
      await using full = createFull(a.provider);
      const fullPort = await full.server.listenInsecure('127.0.0.1:0');
      await using occupant = await XdsEnvoy.start(fullPort, 'DELTA_GRPC', token);
      await eventually(() => full.server.counters().full, 'full');
      let tries = 0;
      // Twice to the one that is full, then to the other: each try must be a connection of its own for that.
      await using balancer = await LoadBalancer.start([fullPort, b.port], () => (tries++ < 2 ? 0 : 0.9));
      await using envoy = await XdsEnvoy.start(balancer.port, 'DELTA_GRPC', token);
      await eventually(() => b.server.status().length === 1, 'at the other');
      expect(full.server.counters().turnedAwayFull).to.equal(2);
      expect(full.server.status()).to.have.length(1);
      expect(occupant.said).to.not.match(/closed/);
      expect(envoy.said).to.not.match(/closed/);
    });
  });
}

function createFull(provider: ConfigProvider) {
  const server = createXdsServer({
    provider,
    authenticator: fakeAuthenticator,
    clock: systemClock,
    log: silentLogger,
    maxStreams: 1,
  });
  return { server, [Symbol.asyncDispose]: () => server.close(0) };
}
