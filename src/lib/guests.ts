import type { Server, Socket } from 'node:net';
import { Shares } from './shares.ts';

/**
 * Bounds the open connections of a server that anybody can reach. `maxConnections` of Node refuses the newest, so whoever opens
 * enough of them and sends nothing shuts everybody else out; here they lose their own (see {@link Shares}). A connection that
 * can't be accepted, for want of a file descriptor, is lost without ending the program.
 */
export function boundConnections(server: Server, most: number): void {
  const shares = new Shares(most);
  // Node tells of a failed accept by this event, and a program that doesn't listen to it ends.
  server.on('error', () => undefined);
  server.on('connection', (socket: Socket) => {
    const share = shares.take(socket.remoteAddress ?? '', 1, () => socket.destroy());
    socket.once('close', () => share[Symbol.dispose]());
  });
}
