import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../src/lib/clock.ts';
import { types } from '../../src/model/type-urls.ts';
import { draws, LoadBalancer, Sidecar } from '../support/replicas.ts';
import { node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

const first = { node: node('web', 'shop'), typeUrl: types.cluster };
const only = { types: [types.cluster] };

/** Two replicas of equal content behind one address, with this many clients at the first; its clock is ours. */
async function twoReplicas(clients: number) {
  const stack = new AsyncDisposableStack();
  const clock = new FakeClock(1_000_000);
  const a = stack.use(await startServer({ clock, random: () => 0.5, maxConnectionAgeMs: 0 }));
  const b = stack.use(await startServer());
  const share = (version: string) => {
    for (const { provider } of [a, b]) provider.share(types.cluster, layer(types.cluster, 'c', { web: version }));
  };
  share('1');
  const balancer = stack.use(await LoadBalancer.start([a.port], draws(1)));
  const sidecars = Array.from({ length: clients }, (_, i) => stack.use(new Sidecar(balancer.port, `web-${i}`, only)));
  await until(
    () => a.server.status().length === clients && a.server.status().every(({ types }) => types[0]?.state === 'SYNCED'),
    'all at the first replica',
    20_000,
  );
  balancer.targets = [b.port];
  return { a, b, clock, sidecars, share, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('a replica that drains', () => {
  it('hands its clients over a few at a time, without an error, and nothing is sent to them again', async () => {
    await using world = await twoReplicas(100);
    const { a, b, clock, sidecars } = world;
    const drained = a.server.drain(20_000);
    expect(a.server.counters().draining).to.equal(true);
    expect(a.server.counters().connected).to.equal(100);
    for (const left of [75, 50, 25, 0]) {
      clock.advance(250);
      await until(() => b.server.status().length === 100 - left, `${left} left`);
      expect(a.server.counters().connected).to.equal(left);
    }
    await drained;
    expect(sidecars.map(({ endings }) => endings)).to.deep.equal(
      sidecars.map(() => [{ code: status.OK, details: 'OK' }]),
    );
    expect(sidecars.map(({ got }) => got)).to.deep.equal(sidecars.map(() => []));
    expect(sidecars.map((each) => each.versions(types.cluster))).to.deep.equal(sidecars.map(() => ({ web: '1' })));
    expect(b.server.counters().sentResources).to.equal(0);
  });

  it('goes on serving changes to those that are still there, and those who left get them from the other', async () => {
    await using world = await twoReplicas(40);
    const { a, b, clock, sidecars, share } = world;
    const drained = a.server.drain(20_000);
    clock.advance(200);
    await until(() => b.server.status().length === 20, 'half of them moved');
    share('2');
    clock.advance(2);
    await until(() => sidecars.every((each) => each.versions(types.cluster)['web'] === '2'), 'all have it');
    expect(a.server.counters().connected).to.equal(20);
    await until(() => a.server.status().every(({ types }) => types[0]?.state === 'SYNCED'), 'acknowledged');
    clock.advance(300);
    await drained;
    await until(() => b.server.status().length === 40, 'all moved');
    expect(b.server.counters().sentResources).to.equal(20);
  });

  it('takes no connection any more, and no stream on a connection that is open', async () => {
    await using world = await twoReplicas(1);
    const { a } = world;
    using open = new XdsClient(a.port);
    const stream = open.delta();
    stream.send(first);
    await stream.accept();
    const opened = a.server.counters().opened;
    const drained = a.server.drain(20_000);
    using late = new XdsClient(a.port);
    expect((await late.delta().raw.status).code).to.equal(status.UNAVAILABLE);
    const second = open.delta();
    second.send(first);
    expect((await second.raw.status).code).to.equal(status.UNAVAILABLE);
    expect(a.server.counters().opened).to.equal(opened);
    expect(a.server.counters().connected).to.equal(2);
    world.clock.advance(20_000);
    await drained;
  });

  it('waits no longer than it was told to for who does not answer; closing cuts that one off', async () => {
    await using world = await twoReplicas(0);
    const { a, clock } = world;
    using client = new XdsClient(a.port);
    const stream = client.delta();
    stream.send(first);
    await stream.next();
    const drained = a.server.drain(1000);
    clock.advance(1000);
    await drained;
    expect(a.server.counters().connected).to.equal(1);
    const closed = a.server.close(0);
    clock.advance(0);
    expect(await stream.raw.status).to.deep.include({
      code: status.UNAVAILABLE,
      details: 'server is shutting down',
    });
    await closed;
  });

  it('is done at once with nobody there, may be asked twice, and may be closed meanwhile', async () => {
    await using world = await twoReplicas(0);
    await world.a.server.drain(20_000);
    await world.a.server.drain(20_000);
    await using busy = await twoReplicas(3);
    const drained = busy.a.server.drain(20_000);
    const closed = busy.a.server.close(500);
    await Promise.all([drained, closed]);
    expect(busy.a.server.counters().connected).to.equal(0);
  });
});
