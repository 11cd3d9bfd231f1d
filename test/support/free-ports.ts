import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what Linux gives to outgoing connections (32768 and up), so that none of these takes a port before its server does. */
const first = 20_000;
const last = 32_000;

/** So many ports of loopback in a row that nobody listens on. Tests of other processes look for theirs elsewhere, at random. */
export async function freePorts(count: number): Promise<readonly number[]> {
  for (;;) {
    const start = first + Math.floor(Math.random() * (last - first - count));
    const ports = Array.from({ length: count }, (_, index) => start + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

/** One of them. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
