import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../src/lib/clock.ts';
import { types } from '../../src/model/type-urls.ts';
import { httpEntry, logMessage, shadowFields } from '../support/access-log-entries.ts';
import { openLogs, startAlsServer } from '../support/als-server.ts';
import { authorizationPolicy, pod } from '../support/objects.ts';
import { node, until } from '../support/xds-grpc.ts';

const objects = [
  pod('foo', 'httpbin-1', '10.0.0.1'),
  pod('foo', 'sleep-1', '10.0.0.2'),
  { ...authorizationPolicy('foo', 'web', 'ALLOW', [{ to: { paths: ['/a'] } }]), dryRun: true },
];
const httpbin = { name: 'httpbin-1', namespace: 'foo' };
const message = (from?: { readonly name: string; readonly namespace: string; readonly log?: string }): Uint8Array =>
  logMessage({ http: [httpEntry({ at: Date.now(), fields: shadowFields(undefined, '') })] }, from);

describe('access logs over gRPC', () => {
  it('are taken from a proven workload, and counted as its own', async () => {
    await using server = await startAlsServer({ objects });
    using client = server.client();
    const stream = openLogs(client, 'foo/httpbin');
    stream.write(message(httpbin));
    stream.write(message());
    await until(() => server.collector.tally.totals.entries === 2, 'all entries');
    const [version] = server.collector.versions.all();
    const counts = version === undefined ? [] : server.collector.ledger.counts(version);
    expect(counts.map(({ workload, source, count }) => [workload, source, count])).to.deep.equal([
      ['httpbin.foo', 'sleep.foo', 2],
    ]);
    stream.halfClose();
    expect((await stream.status).code).to.equal(status.OK);
    await until(() => server.logs.streams === 0, 'the streams');
  });

  const refused: readonly (readonly [
    what: string,
    token: string,
    from: Parameters<typeof message>[0],
    code: number,
    words: RegExp,
  ])[] = [
    ['without a proof', '', httpbin, status.UNAUTHENTICATED, /no valid token/],
    ['of another namespace', 'bar/httpbin', httpbin, status.PERMISSION_DENIED, /claims namespace foo/],
    [
      'of a pod that the proof does not name',
      'foo/httpbin/httpbin-2',
      httpbin,
      status.PERMISSION_DENIED,
      /claims to be httpbin-1/,
    ],
    [
      'of a pod that runs as another account',
      'foo/sleep',
      httpbin,
      status.PERMISSION_DENIED,
      /runs as service account httpbin/,
    ],
    ['of another log', 'foo/httpbin', { ...httpbin, log: 'other' }, status.INVALID_ARGUMENT, /not taken here/],
    ['that do not say whose they are', 'foo/httpbin', undefined, status.INVALID_ARGUMENT, /no node/],
  ];
  for (const [what, token, from, code, words] of refused) {
    it(`are refused: ${what}`, async () => {
      await using server = await startAlsServer({ objects });
      using client = server.client();
      const stream = openLogs(client, token);
      stream.write(message(from));
      const ended = await stream.status;
      expect(ended.code).to.equal(code);
      expect(ended.details).to.match(words);
      expect([server.collector.tally.totals.messages, server.logs.streams]).to.deep.equal([0, 0]);
    });
  }

  it('have a bounded number of streams for each workload, and take none of the places of xDS', async () => {
    await using server = await startAlsServer({ objects, limits: { perOwner: 2, maxStreams: 3 } });
    using client = server.client();
    const open = (token: string) => {
      const stream = openLogs(client, token);
      stream.write(message(httpbin));
      return stream;
    };
    const kept = [open('foo/httpbin'), open('foo/httpbin')];
    await until(() => server.logs.streams === 2, 'the streams');
    using second = server.client();
    const third = openLogs(second, 'foo/httpbin');
    expect((await third.status).code).to.equal(status.UNAVAILABLE);

    using xds = server.client();
    const ads = xds.delta('foo/httpbin');
    ads.send({ node: node('httpbin-1', 'foo'), typeUrl: types.cluster });
    await ads.accept();
    expect([server.logs.streams, server.xds.counters().connected]).to.deep.equal([kept.length, 1]);
  });

  it('make room for a workload with fewer, when all places are taken', async () => {
    await using server = await startAlsServer({ objects, limits: { maxStreams: 2 } });
    using client = server.client();
    const oldest = openLogs(client, 'foo/httpbin');
    oldest.write(message(httpbin));
    await until(() => server.logs.streams === 1, 'the streams');
    const newer = openLogs(client, 'foo/httpbin');
    newer.write(message(httpbin));
    await until(() => server.logs.streams === 2, 'the streams');
    using other = server.client();
    const late = openLogs(other, 'foo/sleep');
    late.write(message({ name: 'sleep-1', namespace: 'foo' }));
    expect((await oldest.status).code).to.equal(status.UNAVAILABLE);
    await until(() => server.collector.tally.totals.messages === 3, 'the messages');
    expect(server.logs.streams).to.equal(2);
  });

  it('end when the proof does, and when no message comes', async () => {
    const clock = new FakeClock(1_000_000);
    await using server = await startAlsServer({ objects, clock });
    using client = server.client();
    const expiring = openLogs(client, 'foo/httpbin@1060000');
    expiring.write(message(httpbin));
    await until(() => server.collector.tally.totals.messages === 1, 'the messages');
    const silent = openLogs(client, 'foo/httpbin');
    await until(() => server.logs.streams === 2, 'the streams');
    clock.advance(15_000);
    expect((await silent.status).details).to.equal('no message came');
    clock.advance(45_000);
    expect((await expiring.status).code).to.equal(status.UNAUTHENTICATED);
    expect(server.logs.streams).to.equal(0);
  });

  it('end without an error when they are old, while xDS on the same connection goes on', async () => {
    const clock = new FakeClock(1_000_000);
    await using server = await startAlsServer({ objects, clock, maxAgeMs: 1_000_000 });
    using client = server.client();
    const ads = client.delta('foo/httpbin');
    ads.send({ node: node('httpbin-1', 'foo'), typeUrl: types.cluster });
    await ads.accept();
    const stream = openLogs(client, 'foo/httpbin');
    stream.write(message(httpbin));
    await until(() => server.collector.tally.totals.messages === 1, 'the messages');
    clock.advance(1_000_000);
    expect((await stream.status).code).to.equal(status.OK);
    ads.send({ typeUrl: types.listener });
    await ads.accept();
    expect(server.xds.counters().connected).to.equal(1);
  });

  it('let go of their clients when the replica leaves, so that it can drain', async () => {
    await using server = await startAlsServer({ objects });
    using client = server.client();
    const stream = openLogs(client, 'foo/httpbin');
    stream.write(message(httpbin));
    await until(() => server.logs.streams === 1, 'the streams');
    server.logs.leave();
    expect((await stream.status).code).to.equal(status.OK);
    await server.xds.drain(30_000);
    const late = openLogs(client, 'foo/httpbin');
    expect((await late.status).code).to.equal(status.UNAVAILABLE);
  });
});
