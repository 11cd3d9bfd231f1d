import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Leaf } from './rbac-certificates.ts';

/** A server of keys on loopback; dispose to stop it, with all of its connections. */
export interface KeyServer extends AsyncDisposable {
  readonly port: number;
  /** What was asked, in order. */
  readonly requests: readonly IncomingMessage[];
}

/** Starts one; with a leaf it speaks TLS. */
export async function startKeyServer(
  answer: RequestListener,
  leaf?: Leaf,
  options: { readonly host?: string; readonly maxVersion?: 'TLSv1.1' } = {},
): Promise<KeyServer> {
  const { host = '127.0.0.1', maxVersion } = options;
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    answer(request, response);
  };
  const server =
    leaf === undefined
      ? createHttpServer(listener)
      : createHttpsServer(
          {
            cert: leaf.certificate,
            key: leaf.key,
            // Node alone would not speak so old a version.
            ...(maxVersion === undefined ? {} : { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
          },
          listener,
        );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
