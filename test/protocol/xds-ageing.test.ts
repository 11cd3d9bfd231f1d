import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { decode, encode } from '@envoyproxy/protos';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../src/lib/clock.ts';
import { MeshServerCredentials } from '../../src/lib/grpc.ts';
import { types } from '../../src/model/type-urls.ts';
import { createTestCa } from '../support/rbac-certificates.ts';
import { draws, LoadBalancer, Sidecar } from '../support/replicas.ts';
import { type DeltaRequest, deltaWords, node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

const first = { node: node('web', 'shop'), typeUrl: types.cluster };

/** One connection with one stream, whose frames are seen in the order in which they come. */
class Watcher implements Disposable {
  readonly events: string[] = [];
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #nonce = '';

  constructor(url: string, options: { readonly letGo?: boolean; readonly socket?: Socket } = {}) {
    const { socket } = options;
    this.#session = connect(url, {
      rejectUnauthorized: false,
      ...(socket && {
        createConnection: () => tlsConnect({ socket, ALPNProtocols: ['h2'], rejectUnauthorized: false }),
      }),
    });
    this.#session.on('error', () => undefined);
    this.#session.on('goaway', (code) => this.events.push(`goaway ${code}`));
    this.#session.on('close', () => this.events.push('closed'));
    this.#stream = this.#open();
    // A status comes in trailers, or at once where there was no response.
    for (const event of ['response', 'trailers'] as const) {
      this.#stream.on(event, (headers) => {
        const code = headers['grpc-status'];
        if (code === undefined) return;
        this.events.push(`status ${code}`);
        if (options.letGo !== false) this.#stream.close();
      });
    }
    this.#stream.on('data', (bytes: Buffer) => {
      const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes.subarray(5));
      this.#nonce = response.nonce ?? '';
      this.events.push('response');
    });
  }

  #open(): ClientHttp2Stream {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: 'Bearer shop/web',
    });
    stream.on('error', () => undefined);
    return stream;
  }

  send(request: DeltaRequest): void {
    const body = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request);
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, 5);
    this.#stream.write(frame);
  }

  acknowledge(): void {
    this.send({ typeUrl: types.cluster, responseNonce: this.#nonce });
  }

  async saw(...events: readonly string[]): Promise<void> {
    await until(() => this.events.length >= events.length, `${this.events.join(', ')}, then ${events.join(', ')}`);
    expect(this.events).to.deep.equal(events);
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

const half = () => 0.5;

async function tls(): Promise<MeshServerCredentials> {
  const ca = await createTestCa();
  const leaf = await ca.issue([{ type: 'dns', value: 'coxswain' }]);
  return new MeshServerCredentials({ cert: leaf.certificate, key: leaf.key, ca: [ca.certificate] });
}

describe('a connection that gets old', () => {
  it('is told to go elsewhere, and ends without an error when the last response is acknowledged', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, random: half, maxConnectionAgeMs: 60_000 });
    run.provider.share(types.cluster, layer(types.cluster, 'c', { a: '1' }));
    using watcher = new Watcher(`http://127.0.0.1:${run.port}`);
    watcher.send(first);
    await watcher.saw('response');
    clock.advance(59_999);
    expect(run.server.counters().aged).to.equal(0);
    clock.advance(1);
    await watcher.saw('response', 'goaway 0');
    expect(run.server.status()).to.have.length(1);
    watcher.acknowledge();
    await watcher.saw('response', 'goaway 0', 'status 0', 'closed');
    expect(run.server.counters().aged).to.equal(1);
    expect(run.server.counters().connected).to.equal(0);
    expect(run.provider.attached.size).to.equal(0);
  });

  it('ends soon even if the last response is never acknowledged', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, random: half, maxConnectionAgeMs: 60_000 });
    run.provider.share(types.cluster, layer(types.cluster, 'c', { a: '1' }));
    using watcher = new Watcher(`http://127.0.0.1:${run.port}`);
    watcher.send(first);
    await watcher.saw('response');
    clock.advance(60_000);
    await watcher.saw('response', 'goaway 0');
    clock.advance(2_000);
    await watcher.saw('response', 'goaway 0', 'status 0', 'closed');
  });

  it('is cut where the client does not let go of it', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, random: half, maxConnectionAgeMs: 60_000 });
    using watcher = new Watcher(`http://127.0.0.1:${run.port}`, { letGo: false });
    watcher.send(first);
    await watcher.saw('response');
    watcher.acknowledge();
    await until(() => run.server.status()[0]?.types[0]?.state === 'SYNCED', 'in sync');
    clock.advance(60_000);
    await watcher.saw('response', 'goaway 0', 'status 0');
    clock.advance(10_000);
    await until(() => watcher.events.at(-1) === 'closed', 'cut');
  });

  it('is found under TLS too', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, random: half, maxConnectionAgeMs: 60_000 });
    const port = await run.server.listenTls('127.0.0.1:0', await tls());
    using watcher = new Watcher(`https://127.0.0.1:${port}`);
    watcher.send(first);
    await watcher.saw('response');
    watcher.acknowledge();
    await until(() => run.server.status()[0]?.types[0]?.state === 'SYNCED', 'in sync');
    clock.advance(60_000);
    await watcher.saw('response', 'goaway 0', 'status 0', 'closed');
  });

  it('finishes a push that has begun, with what the changed clusters need', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, random: half, maxConnectionAgeMs: 60_000 });
    run.provider.share(types.cluster, layer(types.cluster, 'c', { a: '1' }));
    run.provider.share(types.listener, layer(types.listener, 'l', { in: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send(first);
    await stream.accept();
    stream.send({ typeUrl: types.listener });
    await stream.accept();
    await until(() => run.server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true, 'in sync');
    run.provider.share(types.cluster, layer(types.cluster, 'c', { a: '2' }));
    run.provider.share(types.listener, layer(types.listener, 'l', { in: '2' }));
    clock.advance(60_000);
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ a: '2' });
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '2' });
    expect((await stream.raw.status).code).to.equal(status.OK);
  });

  it('lives on where no age is set', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock, maxConnectionAgeMs: 0 });
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send(first);
    await stream.accept();
    clock.advance(100 * 24 * 3_600_000);
    run.provider.share(types.cluster, layer(types.cluster, 'c', { a: '1' }));
    await until(() => run.server.status().length === 1, 'still there');
    clock.advance(50);
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ a: '1' });
  });
});

describe('a connection that was half open when its server began to drain', () => {
  it('is told to go elsewhere as soon as it is open, and holds nothing up', async () => {
    await using run = await startServer();
    const port = await run.server.listenTls('127.0.0.1:0', await tls());
    const socket = connectTcp(port, '127.0.0.1');
    await once(socket, 'connect');
    await new Promise((resolve) => setImmediate(resolve));
    const drained = run.server.drain(30_000);
    using watcher = new Watcher(`https://127.0.0.1:${port}`, { socket });
    watcher.send(first);
    await drained;
    await until(() => watcher.events.at(-1) === 'closed', 'closed');
    expect([...watcher.events].sort()).to.deep.equal(['closed', 'goaway 0', `status ${status.UNAVAILABLE}`]);
  }).timeout(10_000);
});

describe('a replica that joins', () => {
  it('gets its share of the clients once connections age, and none of them is sent anything again', async () => {
    const random = draws(7);
    const options = { random, maxConnectionAgeMs: 1000 };
    await using a = await startServer(options);
    await using b = await startServer(options);
    for (const { provider } of [a, b]) {
      provider.share(types.cluster, layer(types.cluster, 'c', { a: '1', b: '1' }));
    }
    await using balancer = await LoadBalancer.start([a.port], draws(1));
    using stack = new DisposableStack();
    const sidecars = Array.from({ length: 60 }, (_, i) =>
      stack.use(new Sidecar(balancer.port, `web-${i}`, { types: [types.cluster] })),
    );
    const served = (each: Sidecar) => each.versions(types.cluster)['b'] === '1';
    await until(() => sidecars.every(served), 'all at the one replica', 20_000);
    balancer.targets = [a.port, b.port];
    const before = sidecars.map(({ opened }) => opened);
    await until(
      () => sidecars.every(({ opened }, index) => opened > 1 + (before[index] ?? 0)),
      'all were sent on twice',
      20_000,
    );
    const share = b.server.counters().connected / (a.server.counters().connected + b.server.counters().connected);
    expect(share).to.be.within(0.25, 0.75);
    expect(b.server.counters().sentResources).to.equal(0);
    expect(a.server.counters().sentResources).to.equal(120);
    // Each stream came on a connection of its own.
    expect(balancer.connections).to.be.at.least(a.server.counters().opened + b.server.counters().opened);
    expect(new Set(sidecars.flatMap(({ endings }) => endings.map(({ code }) => code)))).to.deep.equal(new Set([0]));
  });
});

describe('a replica that is full', () => {
  it('sends a new client elsewhere, and leaves alone those that it has', async () => {
    const limits = { maxStreams: 2 };
    await using a = await startServer(limits);
    await using b = await startServer(limits);
    await using balancer = await LoadBalancer.start([a.port], draws(1));
    using stack = new DisposableStack();
    const open = (name: string) => stack.use(new Sidecar(balancer.port, name, { types: [types.cluster] }));
    const [one, two] = [open('web-1'), open('web-2')];
    await until(() => a.server.status().length === 2, 'both in');
    expect(a.server.counters().full).to.equal(true);
    const three = open('web-3');
    await until(() => three.endings.length > 2, 'turned away');
    expect(three.endings[0]).to.deep.equal({
      code: status.UNAVAILABLE,
      details: 'this replica is full: try another',
    });
    // Each try was a connection of its own: behind one address, the next may lead to another replica.
    expect(balancer.connections).to.be.at.least(two.opened + one.opened + three.endings.length);
    expect(a.server.counters().turnedAwayFull).to.be.at.least(3);
    balancer.targets = [b.port];
    await until(() => b.server.status().length === 1, 'at the other replica');
    a.provider.share(types.cluster, layer(types.cluster, 'c', { a: '1' }));
    await until(() => [one, two].every((each) => each.got.includes('+ a')), 'still served');
    expect([one.opened, two.opened]).to.deep.equal([1, 1]);
    expect(b.server.counters().full).to.equal(false);
  });

  it('counts nobody who did not prove who he is', async () => {
    await using run = await startServer({ maxStreams: 1 });
    using client = new XdsClient(run.port);
    const stranger = client.delta('nonsense');
    expect((await stranger.raw.status).code).to.equal(status.UNAUTHENTICATED);
    expect(run.server.counters().full).to.equal(false);
  });

  it('has room again when one leaves', async () => {
    await using run = await startServer({ maxStreams: 1 });
    using one = new XdsClient(run.port);
    using two = new XdsClient(run.port);
    const stream = one.delta();
    stream.send(first);
    await stream.accept();
    stream.raw.cancel();
    await until(() => !run.server.counters().full, 'room');
    const other = two.delta();
    other.send(first);
    await other.accept();
  });
});

describe('many streams at once', () => {
  it('wait for their turn, but not for long', async () => {
    const clock = new FakeClock(1_000_000);
    await using run = await startServer({ clock, admission: { perSecond: 2, burst: 1, maxWaitMs: 500 } });
    using stack = new DisposableStack();
    const open = () => {
      const stream = stack.use(new XdsClient(run.port)).delta();
      stream.send(first);
      return stream;
    };
    await open().accept();
    const second = open();
    await until(() => run.server.counters().opened === 2, 'second');
    const third = open();
    const { code, details } = await third.raw.status;
    expect({ code, details }).to.deep.equal({
      code: status.UNAVAILABLE,
      details: 'too many streams open at once: try again',
    });
    expect(run.server.counters().turnedAwayBusy).to.equal(1);
    expect(run.server.status()).to.have.length(1);
    clock.advance(500);
    await second.accept();
    expect(run.server.status()).to.have.length(2);
  });

  it('leave no turn behind when they go while they wait', async () => {
    const clock = new FakeClock(1_000_000);
    await using run = await startServer({ clock, admission: { perSecond: 2, burst: 1, maxWaitMs: 500 } });
    using stack = new DisposableStack();
    const open = () => stack.use(new XdsClient(run.port)).delta();
    const one = open();
    one.send(first);
    await one.accept();
    const waiting = open();
    await until(() => run.server.counters().connected === 2, 'waits');
    waiting.raw.cancel();
    await until(() => run.server.counters().connected === 1, 'gone');
    clock.advance(500);
    expect(run.server.counters()).to.deep.include({ connected: 1, turnedAwayFull: 0, turnedAwayBusy: 0 });
  });
});
