import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MeshError } from '../lib/errors.ts';

/** What leads into a sandbox: connections to `port` of this machine's loopback go to the target. Ends with the value. */
export interface PortForward extends AsyncDisposable {
  readonly port: number;
}

/** Where a forwarded connection goes, and from where the way there is known. */
export interface ForwardTarget {
  /** Of the sandbox's node, such as `/proc/PID/ns/net`. */
  readonly network: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Lets programs of this machine, a browser say, call into a sandbox, whose network nothing else reaches. A socket belongs to
 * the network in which it was made: connections are taken here and handed, as they are, to a process that lives in the
 * sandbox's network and makes the other half there. Nothing on the machine changes.
 */
export async function forwardPort(localPort: number, target: ForwardTarget): Promise<PortForward> {
  const main = fileURLToPath(new URL('port-forward-main.ts', import.meta.url));
  const argv = [`--net=${target.network}`, '--', process.execPath, main, target.address, String(target.port)];
  const child = spawn('nsenter', argv, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
  });
  try {
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => {
        throw new MeshError('unavailable', "can't enter the network of the sandbox");
      }),
    ]);
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      child.send('connection', socket, {}, () => undefined);
    });
    const port = await listen(server, localPort);
    return { port, [Symbol.asyncDispose]: () => end(server, child) };
  } catch (thrown) {
    await end(undefined, child);
    throw thrown;
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw new MeshError('unavailable', `can't listen on 127.0.0.1:${port}: ${MeshError.from(thrown).message}`, {
      cause: thrown,
    });
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function end(server: Server | undefined, child: ChildProcess): Promise<void> {
  server?.close();
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
