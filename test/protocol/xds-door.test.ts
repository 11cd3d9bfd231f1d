import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../src/lib/clock.ts';
import { types } from '../../src/model/type-urls.ts';
import { vhdsSince } from '../../src/xds/identity.ts';
import { deltaWords, node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

/** Opens a stream, says who it is, and returns how the stream ends. */
async function ending(port: number, token: string, first: Parameters<ReturnType<XdsClient['delta']>['send']>[0]) {
  using client = new XdsClient(port);
  const stream = client.delta(token);
  stream.send(first);
  const { code, details } = await stream.raw.status;
  return { code, details };
}

describe('who gets in', () => {
  it('nobody without a valid proof', async () => {
    await using run = await startServer();
    expect(await ending(run.port, 'nonsense', { node: node('web', 'shop'), typeUrl: types.cluster })).to.deep.equal({
      code: status.UNAUTHENTICATED,
      details: 'no valid token',
    });
  });

  it('nobody who claims to be somebody else', async () => {
    await using run = await startServer();
    const claim = (name: string, namespace: string, metadata = {}) =>
      ending(run.port, 'shop/web/web-1', { node: node(name, namespace, metadata), typeUrl: types.cluster });
    expect(await claim('web-1', 'bank')).to.deep.equal({
      code: status.PERMISSION_DENIED,
      details: 'node claims namespace bank, but its proof is for namespace shop, service account web',
    });
    expect(await claim('web-1', 'shop', { SERVICE_ACCOUNT: 'admin' })).to.deep.equal({
      code: status.PERMISSION_DENIED,
      details: 'node claims service account admin, but its proof is for namespace shop, service account web',
    });
    expect(await claim('web-2', 'shop')).to.deep.equal({
      code: status.PERMISSION_DENIED,
      details: 'node claims to be web-2, but its proof is for web-1 (namespace shop, service account web)',
    });
    expect(run.server.counters().refused).to.equal(3);
    expect(run.provider.attached.size).to.equal(0);
  });

  it('nobody who does not say who it is, or says it wrongly', async () => {
    await using run = await startServer();
    const code = async (first: Parameters<typeof ending>[2]) => (await ending(run.port, '', first)).code;
    expect(await code({ typeUrl: types.cluster })).to.equal(status.INVALID_ARGUMENT);
    for (const id of [
      '',
      'x',
      'sidecar~10.0.0.1~a.b',
      `sidecar~10.0.0.1~${'x'.repeat(2000)}.b~b.svc`,
      'sidecar~~a.b~b.svc',
    ]) {
      expect(await code({ node: { id }, typeUrl: types.cluster }), id).to.equal(status.INVALID_ARGUMENT);
    }
  });

  it('nobody who sends what is no message', async () => {
    await using run = await startServer();
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.raw.write(Buffer.from([0x0a, 0xff, 0xff]));
    expect((await stream.raw.status).code).to.equal(status.INVALID_ARGUMENT);
  });

  it('keys to nobody on plaintext, everything else to everybody', async () => {
    await using run = await startServer();
    run.provider.share(types.secret, layer(types.secret, 's', { default: '1' }));
    using client = new XdsClient(run.port);
    const insecure = client.delta();
    insecure.send({ node: node('web', 'shop'), typeUrl: types.secret, resourceNamesSubscribe: ['default'] });
    expect(deltaWords(await insecure.accept())).to.deep.equal({
      type: types.secret,
      resources: {},
      removed: ['default'],
    });
    const proven = client.delta('shop/web');
    proven.send({ node: node('web', 'shop'), typeUrl: types.secret, resourceNamesSubscribe: ['default'] });
    expect(deltaWords(await proven.accept()).resources).to.deep.equal({ default: '1' });
  });

  it('nobody who asks for more than we remember', async () => {
    await using run = await startServer({ streamLimits: { maxNames: 10, maxTypes: 3, firstRequestMs: 1000 } });
    const names = Array.from({ length: 11 }, (_, i) => `name-${i}`);
    const first = { node: node('web', 'shop'), typeUrl: types.endpoint, resourceNamesSubscribe: names };
    expect(await ending(run.port, '', first)).to.deep.equal({
      code: status.INVALID_ARGUMENT,
      details: 'more than 10 names in one subscription',
    });
    using client = new XdsClient(run.port);
    const stream = client.delta();
    for (let i = 0; i < 4; i++) {
      const typeUrl = `type.googleapis.com/no.such.Type${i}`;
      stream.send({ node: node('web', 'shop'), typeUrl, resourceNamesSubscribe: ['x'] });
    }
    expect((await stream.raw.status).details).to.equal('more than 3 types on one stream');
    expect([...run.server.counters().pushes]).to.deep.equal([['other', 3]]);
  });

  it('nobody for longer than the proof holds', async () => {
    const clock = new FakeClock(1000);
    await using run = await startServer({ clock });
    using client = new XdsClient(run.port);
    const stream = client.delta('shop/web@5000');
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    clock.advance(3999);
    stream.send({ typeUrl: types.listener });
    await stream.accept();
    clock.advance(1);
    const { code, details } = await stream.raw.status;
    expect({ code, details }).to.deep.equal({ code: status.UNAUTHENTICATED, details: 'token expired' });
    await until(() => run.provider.attached.size === 0, 'detached');
  });

  it('nobody who says nothing', async () => {
    const clock = new FakeClock();
    await using run = await startServer({ clock });
    using client = new XdsClient(run.port);
    const stream = client.delta();
    await until(() => run.server.counters().connected === 1, 'connected');
    clock.advance(30_000);
    expect((await stream.raw.status).code).to.equal(status.INVALID_ARGUMENT);
  });

  it('fills the service account from the proof, and ignores a node that comes later', async () => {
    await using run = await startServer();
    using client = new XdsClient(run.port);
    const stream = client.delta('shop/web');
    stream.send({ node: node('web-1', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    stream.send({ node: node('other', 'bank'), typeUrl: types.listener });
    await stream.accept();
    const [proxy] = run.server.status();
    expect(proxy?.proxy).to.deep.include({ name: 'web-1', namespace: 'shop', serviceAccount: 'web' });
    expect(proxy?.provenBy).to.equal('join-token');
  });
});

describe('virtual hosts one by one', () => {
  const version = (minorNumber: number) => ({
    userAgentBuildVersion: { version: { majorNumber: 1, minorNumber, patch: 0 } },
  });
  const routes = async (mode: 'delta' | 'sotw', more: object, metadata: Readonly<Record<string, string>> = {}) => {
    await using run = await startServer();
    using client = new XdsClient(run.port);
    const first = { node: { ...node('web', 'shop', metadata), ...more }, typeUrl: types.listener };
    if (mode === 'delta') {
      client.delta().send(first);
    } else {
      client.sotw().send(first);
    }
    await until(() => run.server.status().length === 1, 'attached');
    return run.server.status()[0]?.proxy.routes;
  };

  it('are for delta streams of an Envoy that can take them', async () => {
    expect(await routes('delta', version(vhdsSince.minor))).to.equal('vhds');
    expect(await routes('delta', version(vhdsSince.minor - 1))).to.equal('inline');
    expect(await routes('delta', {})).to.equal('inline');
    expect(await routes('sotw', version(vhdsSince.minor))).to.equal('inline');
    expect(await routes('delta', {}, { COXSWAIN_ROUTES: 'vhds' })).to.equal('vhds');
    expect(await routes('delta', version(vhdsSince.minor), { COXSWAIN_ROUTES: 'inline' })).to.equal('inline');
  });
});

describe('shutting down', () => {
  it('tells open streams to go elsewhere, and lets nothing linger', async () => {
    const run = await startServer();
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    const closed = run.server.close(500);
    const { code, details } = await stream.raw.status;
    expect({ code, details }).to.deep.equal({ code: status.UNAVAILABLE, details: 'server is shutting down' });
    await closed;
    expect(run.provider.attached.size).to.equal(0);
  });

  it('detaches a proxy that goes away, however it goes', async () => {
    await using run = await startServer();
    using client = new XdsClient(run.port);
    const streams = [client.delta(), client.delta()];
    for (const stream of streams) {
      stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
      await stream.accept();
    }
    expect(run.provider.attached.size).to.equal(2);
    streams[0]?.raw.cancel();
    streams[1]?.raw.halfClose();
    await until(() => run.provider.attached.size === 0, 'detached');
    expect(run.server.counters().connected).to.equal(0);
  });

  it('refuses plaintext where others could reach it', async () => {
    await using run = await startServer();
    for (const address of ['0.0.0.0:0', '10.0.0.1:0', '[::]:0', 'localhost:0']) {
      const refused = await run.server.listenInsecure(address).then(
        () => 'listens',
        (error: Error) => error.message,
      );
      expect(refused).to.equal(`plaintext xDS is for loopback addresses only, not ${address}`);
    }
  });
});
