import { expect } from 'chai';
import { FakeClock } from '../../src/lib/clock.ts';
import { types } from '../../src/model/type-urls.ts';
import { DeafClient } from '../support/xds-deaf-client.ts';
import { deltaWords, node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

/** A layer of about `kilobytes`. */
function heavy(kilobytes: number, version: string) {
  const body = Buffer.alloc(1024, version);
  const resources = Array.from({ length: kilobytes }, (_, i) => {
    const name = `cluster-${i}`;
    return [name, { type: types.cluster, name, version, body }] as const;
  });
  return { key: 'heavy', resources: new Map(resources) };
}

describe('a client that does not read', () => {
  it('delays nobody, is sent no more, and is ended', async () => {
    const clock = new FakeClock();
    const limits = { total: 2 * 1024 * 1024, perStream: 64 * 1024, slowAfterMs: 1000, stalledAfterMs: 60_000 };
    await using run = await startServer({ clock, sendLimits: limits });
    const { provider, server } = run;
    provider.share(types.cluster, heavy(4096, '1'));
    provider.share(types.listener, layer(types.listener, 'l', { in: '1' }));
    using slow = new DeafClient(run.port);
    slow.send({ node: node('slow', 'shop'), typeUrl: types.cluster });
    await until(() => server.counters().sentBytes > 4_000_000, 'the response is on its way');
    slow.send({ typeUrl: types.listener });

    // The budget is spent now: others wait, but only until the slow one no longer counts.
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.listener });
    await until(() => server.status().length === 2, 'both are known');
    expect(server.counters().pushes.get(types.listener)).to.equal(undefined);
    clock.advance(1000);
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '1' });
    expect(server.counters().slow).to.equal(1);
    expect(server.counters().pushes.get(types.listener)).to.equal(1);

    clock.advance(59_000);
    await until(() => server.status().length === 1, 'the slow one is gone');
    expect(server.counters().stalled).to.equal(1);
    expect(provider.attached.size).to.equal(1);
  });

  it('gets everything in the end if it reads slowly', async () => {
    const limits = { total: 64 * 1024, perStream: 16 * 1024, slowAfterMs: 1000, stalledAfterMs: 60_000 };
    await using run = await startServer({ sendLimits: limits });
    run.provider.share(types.cluster, heavy(256, '1'));
    using client = new XdsClient(run.port);
    const streams = Array.from({ length: 20 }, (_, i) => {
      const stream = client.delta();
      stream.send({ node: node(`web-${i}`, 'shop'), typeUrl: types.cluster });
      return stream;
    });
    const responses = await Promise.all(streams.map((stream) => stream.accept()));
    expect(responses.map((each) => each.resources?.length)).to.deep.equal(streams.map(() => 256));
    await until(() => run.server.status().every((each) => each.types[0]?.state === 'SYNCED'), 'in sync');
    expect(run.server.counters().encodedPayloads).to.equal(1);
  });
});
