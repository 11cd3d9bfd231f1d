import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeshError } from '../../lib/errors.ts';
import { childOf } from '../child-of.ts';
import { killGroup } from '../run-command.ts';

/** How a container ended, as `docker wait` has it: 128 + n if signal n ended it. */
export interface ContainerExit {
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
}

/** A running container. */
export interface ContainerProcess {
  /** Its program, as numbered in the sandbox: its `/proc` entry leads to the container's files. */
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  /** Asks the program alone; whoever else runs in the container is left to it. */
  signal(signal: NodeJS.Signals): void;
  /** Ends all that runs in it. */
  kill(): void;
}

/**
 * Runs a container's set-up and then its program. Resolves when the program runs; throws `unavailable` if the set-up
 * failed, with what it printed in the log. `argv` enters the pod and ends with the container's script and its arguments.
 */
export async function startContainer(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  logFile: string,
): Promise<ContainerProcess> {
  const [program = '', ...args] = argv;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(program, args, { stdio: ['ignore', log, log, 'pipe'], detached: true, env });
  closeSync(log);
  const { promise: exited, resolve } = Promise.withResolvers<ContainerExit>();
  child.once('error', () => resolve({ code: 128, signal: undefined }));
  let pid: number | undefined;
  child.once('exit', (code, signal) => {
    // What the program left running in its container ends with it.
    killGroup(child.pid, 'SIGKILL');
    const exit = { code: code ?? 128 + (signalNumbers[signal ?? 'SIGKILL'] ?? 9), signal: signal ?? undefined };
    // Killed together, the process that entered the pod may be gone before the program is.
    void gone(pid).then(() => resolve(exit));
  });
  const says = child.stdio[3];
  if (!isReadable(says)) throw new MeshError('internal', 'no pipe from the container');
  const made = await firstLine(says);
  pid = made === 'made' && child.pid !== undefined ? await childOf(child.pid) : undefined;
  if (made !== 'made') {
    killGroup(child.pid, 'SIGKILL');
    await exited;
    throw new MeshError('unavailable', 'the files of the container could not be made', { hint: `its log: ${logFile}` });
  }
  const running = pid;
  return {
    // It may have ended in the meantime, as init containers do; then nobody can be asked.
    pid: running ?? 0,
    exited,
    signal: (signal) => {
      if (running === undefined) return;
      try {
        process.kill(running, signal);
      } catch {
        // gone by itself
      }
    },
    kill: () => void killGroup(child.pid, 'SIGKILL'),
  };
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

const longestGoneMs = 5_000;

/** Until the pod's first process has collected it: before, threads of it may still hold its sockets. */
async function gone(pid: number | undefined): Promise<void> {
  const deadline = performance.now() + longestGoneMs;
  while (pid !== undefined && existsSync(`/proc/${pid}`) && performance.now() < deadline) await sleep(2);
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  for await (const line of createInterface({ input: stream })) {
    stream.destroy();
    return line;
  }
  return undefined;
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && 'pipe' in stream;
}
