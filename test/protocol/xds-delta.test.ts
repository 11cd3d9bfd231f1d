import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { types } from '../../src/model/type-urls.ts';
import { deltaWords, node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

const clusters = (versions: Readonly<Record<string, string>>) => layer(types.cluster, 'clusters', versions);

describe('delta ADS over gRPC', () => {
  it('serves all types on one stream, and pushes a change in the order of use', async () => {
    await using run = await startServer();
    const { provider, port, server } = run;
    provider.share(types.cluster, clusters({ a: '1' }));
    provider.share(types.listener, layer(types.listener, 'l', { in: '1' }));
    using client = new XdsClient(port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    const first = await stream.accept();
    expect(deltaWords(first)).to.deep.equal({ type: types.cluster, resources: { a: '1' }, removed: [] });
    expect(first.controlPlane?.identifier).to.equal('coxswain');
    expect({ ...first.resources?.[0]?.resource }).to.deep.equal({ type_url: types.cluster, value: Buffer.from('a=1') });
    stream.send({ typeUrl: types.listener });
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.listener,
      resources: { in: '1' },
      removed: [],
    });
    await until(() => server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true, 'in sync');

    provider.share(types.listener, layer(types.listener, 'l', { in: '2' }));
    provider.share(types.cluster, clusters({ b: '1' }));
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.cluster,
      resources: { b: '1' },
      removed: [],
    });
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.listener,
      resources: { in: '2' },
      removed: [],
    });
    expect(deltaWords(await stream.accept())).to.deep.equal({ type: types.cluster, resources: {}, removed: ['a'] });
  });

  it('keeps a cluster for as long as a listener was not told to let go of it', async () => {
    await using run = await startServer();
    const { provider, server } = run;
    const listeners = (version: string) => layer(types.listener, 'l', { in: version });
    provider.share(types.cluster, clusters({ a: '1', b: '1' }));
    provider.share(types.listener, listeners('1'));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    stream.send({ typeUrl: types.listener });
    await stream.accept();
    await until(() => server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true, 'in sync');
    provider.share(types.listener, listeners('2'));
    const unanswered = await stream.next();
    expect(deltaWords(unanswered).resources).to.deep.equal({ in: '2' });
    provider.share(types.listener, listeners('3'));
    provider.share(types.cluster, clusters({ a: '1' }));
    const touched = server.counters().streamsTouched;
    await until(() => server.counters().streamsTouched > touched, 'had its turn');
    expect(server.counters().pushes.get(types.cluster)).to.equal(1);
    stream.send({ typeUrl: types.listener, responseNonce: unanswered.nonce ?? '' });
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '3' });
    expect(deltaWords(await stream.accept())).to.deep.equal({ type: types.cluster, resources: {}, removed: ['b'] });
  });

  it('sends no resource to a client that comes back with the current versions', async () => {
    await using run = await startServer();
    run.provider.share(types.cluster, clusters({ a: '1', b: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster, initialResourceVersions: { a: '1', b: '1' } });
    expect(deltaWords(await stream.accept())).to.deep.equal({ type: types.cluster, resources: {}, removed: [] });
    await until(() => run.server.status()[0]?.types[0]?.state === 'SYNCED', 'in sync');
    run.provider.share(types.cluster, clusters({ a: '1', b: '2' }));
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.cluster,
      resources: { b: '2' },
      removed: [],
    });
  });

  it('isolates a refused resource, and keeps it from who refused it alone', async () => {
    await using run = await startServer();
    const { provider, server } = run;
    provider.share(types.listener, layer(types.listener, 'l', { good: '1', bad: '1', other: '1' }));
    using client = new XdsClient(run.port);
    const one = client.delta();
    one.send({ node: node('web-1', 'shop'), typeUrl: types.listener });
    await one.refuse('Error adding/updating listener(s) bad: no such filter');
    expect(deltaWords(await one.accept()).resources).to.deep.equal({ good: '1', other: '1' });
    expect(deltaWords(await one.refuse('bad: no such filter')).resources).to.deep.equal({ bad: '1' });
    await until(() => server.parked().length === 1, 'parked');
    const [parked] = server.parked();
    expect({ ...parked, since: 0 }).to.deep.equal({
      view: 'shop',
      type: types.listener,
      name: 'bad',
      version: '1',
      message: 'bad: no such filter',
      proxies: ['web-1.shop'],
      since: 0,
    });
    expect(server.status()[0]?.types[0]).to.include({ state: 'ERROR', error: 'bad: no such filter' });

    const two = client.delta();
    two.send({ node: node('web-2', 'shop'), typeUrl: types.listener });
    expect(deltaWords(await two.refuse('bad: no such filter')).resources, 'nobody speaks for another').to.deep.equal({
      good: '1',
      bad: '1',
      other: '1',
    });
    expect(deltaWords(await two.accept()).resources).to.deep.equal({ good: '1', other: '1' });
    expect(deltaWords(await two.refuse('bad: no such filter')).resources).to.deep.equal({ bad: '1' });
    await until(() => server.parked()[0]?.proxies.length === 2, 'shown once for both');
    const elsewhere = client.delta();
    elsewhere.send({ node: node('web', 'bank'), typeUrl: types.listener });
    expect(deltaWords(await elsewhere.accept()).resources).to.deep.equal({ good: '1', bad: '1', other: '1' });

    provider.share(types.listener, layer(types.listener, 'l', { good: '1', bad: '2', other: '1' }));
    for (const stream of [one, two, elsewhere]) {
      expect(deltaWords(await stream.accept()).resources).to.deep.equal({ bad: '2' });
    }
    await until(() => server.status().every((each) => each.types[0]?.state === 'SYNCED'), 'in sync');
    expect(server.counters().rejects.get(types.listener)).to.equal(4);
  });

  it('moves a proxy from one view to another with the difference alone', async () => {
    await using run = await startServer();
    const { provider } = run;
    provider.own('shop', types.listener, layer(types.listener, 'view/shop', { in: '1', same: '1', old: '1' }));
    provider.own('shop-2', types.listener, layer(types.listener, 'view/shop-2', { in: '2', same: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.listener });
    await stream.accept();
    await until(() => run.server.status()[0]?.types[0]?.state === 'SYNCED', 'in sync');
    provider.move('web', 'shop-2', types.listener);
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.listener,
      resources: { in: '2' },
      removed: ['old'],
    });
    expect(run.server.status()[0]?.view).to.equal('shop-2');
  });

  it('serves one type on its own service, and no other', async () => {
    await using run = await startServer();
    run.provider.share(types.cluster, clusters({ a: '1' }));
    using client = new XdsClient(run.port);
    const path = '/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters';
    const stream = client.delta('', path);
    stream.send({ node: node('web', 'shop') });
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ a: '1' });
    const wrong = client.delta('', path);
    wrong.send({ node: node('web', 'shop'), typeUrl: types.listener });
    expect((await wrong.raw.status).code).to.equal(status.INVALID_ARGUMENT);
  });

  it('sends a cluster that changed its endpoints again', async () => {
    await using run = await startServer();
    const { provider } = run;
    const { encode, envoy } = await import('@envoyproxy/protos');
    const cluster = (version: string, seconds: number) => ({
      key: 'c',
      resources: new Map([
        [
          'out',
          {
            type: types.cluster,
            name: 'out',
            version,
            body: encode('envoy.config.cluster.v3.Cluster', {
              name: 'out',
              type: envoy.config.cluster.v3.Cluster.DiscoveryType.EDS,
              connectTimeout: { seconds },
              edsClusterConfig: { serviceName: 'out-eds' },
            }),
          },
        ],
      ]),
    });
    provider.share(types.cluster, cluster('1', 1));
    provider.share(types.endpoint, layer(types.endpoint, 'e', { 'out-eds': '1', other: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    stream.send({ typeUrl: types.endpoint, resourceNamesSubscribe: ['out-eds', 'other'] });
    await stream.accept();
    await until(() => run.server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true, 'in sync');
    provider.share(types.cluster, cluster('2', 2));
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ out: '2' });
    expect(deltaWords(await stream.accept())).to.deep.equal({
      type: types.endpoint,
      resources: { 'out-eds': '1' },
      removed: [],
    });
  });
});

describe('what a change costs', () => {
  it('encodes one response for all streams of all views, and touches no stream that it does not concern', async () => {
    await using run = await startServer();
    const { provider, server } = run;
    provider.share(types.cluster, clusters({ a: '1', b: '1' }));
    const views = Array.from({ length: 10 }, (_, i) => `ns${i}`);
    for (const view of views) {
      provider.own(view, types.cluster, layer(types.cluster, `view/${view}`, { [`own-${view}`]: '1' }));
    }
    using client = new XdsClient(run.port);
    using second = new XdsClient(run.port);
    const streams = views.flatMap((view) =>
      Array.from({ length: 10 }, (_, i) => {
        const stream = (i < 5 ? client : second).delta();
        stream.send({ node: node(`web-${i}`, view), typeUrl: types.cluster });
        return stream;
      }),
    );
    await Promise.all(streams.map((stream) => stream.accept()));
    const inSync = () =>
      server.status().length === 100 && server.status().every((each) => each.types[0]?.state === 'SYNCED');
    await until(inSync, 'in sync');
    const before = server.counters();
    expect(before.encodedPayloads).to.equal(10);

    provider.share(types.cluster, clusters({ a: '2', b: '1' }));
    const responses = await Promise.all(streams.map((stream) => stream.accept()));
    expect(new Set(responses.map((each) => each.nonce)).size).to.equal(1);
    await until(inSync, 'in sync');
    const after = server.counters();
    expect(after.encodedPayloads - before.encodedPayloads).to.equal(1);
    expect(after.sentResources - before.sentResources).to.equal(100);
    expect(after.streamsTouched - before.streamsTouched).to.equal(100);

    provider.own('ns3', types.cluster, layer(types.cluster, 'view/ns3', { 'own-ns3': '2' }));
    await Promise.all(streams.slice(30, 40).map((stream) => stream.accept()));
    await until(inSync, 'in sync');
    expect(server.counters().encodedPayloads - after.encodedPayloads).to.equal(1);
    expect(server.counters().streamsTouched - after.streamsTouched).to.equal(10);
    expect(streams.every((stream) => stream.raw.unread === 0)).to.equal(true);
  });
});
