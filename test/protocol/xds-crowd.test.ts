import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { types } from '../../src/model/type-urls.ts';
import { deltaWords, node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

/** Opens connections that never say a word, from an address of the loopback network. */
async function silent(port: number, localAddress: string, count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => connect({ host: '127.0.0.1', port, localAddress }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.on('error', () => undefined).resume();
  return sockets;
}

const open = (sockets: readonly Socket[]): number => sockets.filter((each) => !each.closed).length;

describe('a crowd at the door', () => {
  it('of silent connections costs those alone who bring them', async () => {
    await using run = await startServer({ maxConnections: 10 });
    run.provider.share(types.listener, layer(types.listener, 'l', { in: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.listener });
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '1' });
    const others = await silent(run.port, '127.0.0.3', 3);
    const crowd = await silent(run.port, '127.0.0.2', 40);
    try {
      await until(() => open(crowd) <= 6, 'the crowd is bounded');
      expect(open(others)).to.equal(3);
      using newcomer = new XdsClient(run.port);
      const late = newcomer.delta();
      late.send({ node: node('late', 'shop'), typeUrl: types.listener });
      expect(deltaWords(await late.accept()).resources).to.deep.equal({ in: '1' });
      run.provider.share(types.listener, layer(types.listener, 'l', { in: '2' }));
      expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '2' });
      expect(open(others)).to.equal(3);
    } finally {
      for (const socket of [...others, ...crowd]) socket.destroy();
    }
  });

  it('of streams with one token gives way to whoever holds less', async () => {
    await using run = await startServer({ maxStreams: 4 });
    run.provider.share(types.listener, layer(types.listener, 'l', { in: '1' }));
    using greedy = new XdsClient(run.port);
    const streams = Array.from({ length: 4 }, () => greedy.delta('shop/web/web-1'));
    await until(() => run.server.counters().full, 'the replica is full');
    using client = new XdsClient(run.port);
    const stream = client.delta('shop/cart/cart-1');
    stream.send({ node: node('cart-1', 'shop'), typeUrl: types.listener });
    expect(deltaWords(await stream.accept()).resources).to.deep.equal({ in: '1' });
    const first = await streams[0]?.raw.status;
    expect(first?.details).to.equal('this replica is full: try another');
    expect(run.server.counters().turnedAwayFull).to.equal(1);
  });
});
