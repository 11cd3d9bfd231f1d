import type { Server, Socket } from 'node:net';
import { Shares } from './shares.ts';

/**
 * Bounds the open connections of a server that anybody can reach. `maxConnections` of Node refuses the newest, so whoever opens
 * enough of them and sends nothing shuts everybody else out; here they lose their own (see {@link Shares}).
 */
export function boundConnections(server: Server, most: number): void {
  const shares = new Shares(most);
  server.on('connection', (socket: Socket) => {
    const share = shares.take(socket.remoteAddress ?? '', 1, () => socket.destroy());
    socket.once('close', () => share[Symbol.dispose]());
  });
}
