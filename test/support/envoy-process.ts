import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a port of the loopback is open; throws where the Envoy that should open it ended. */
export async function listening(envoy: ChildProcess, port: number): Promise<void> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    if (envoy.exitCode !== null) throw new Error(`envoy exited with ${envoy.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(20, undefined, { signal: deadline });
    } finally {
      socket.destroy();
    }
  }
}

/** Ends an Envoy at once, if it hasn't ended by itself. */
export async function stop(envoy: ChildProcess): Promise<void> {
  if (envoy.exitCode !== null || envoy.signalCode !== null) return;
  const exited = once(envoy, 'exit');
  envoy.kill('SIGKILL');
  await exited;
}
