import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AlsServer } from './als-server.ts';

/** A server that takes streams of logs and reads none of them. */
export interface DeafServer extends AsyncDisposable {
  readonly port: number;
  streams(): number;
}

/** Answers to the name of a control plane. */
export async function startDeafServer({ leaf }: Pick<AlsServer, 'leaf'>): Promise<DeafServer> {
  const open = new Set<ServerHttp2Session>();
  let streams = 0;
  const server = createSecureServer({ cert: leaf.certificate, key: leaf.key });
  server.on('session', (session) => {
    open.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream) => {
    streams++;
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' ? (bound?.port ?? 0) : 0,
    streams: () => streams,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const session of open) session.destroy();
      await closed;
    },
  };
}
