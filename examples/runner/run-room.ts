import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { killGroup } from '../../src/sandbox/run-command.ts';
import { type Seen, seenOf } from './run-step.ts';

/** Where the commands of one page run: the repository, with sandboxes that no other process sees. */
export interface Room extends AsyncDisposable {
  readonly run: (command: string) => Promise<Seen>;
}

/** No command of a page takes longer, not even on a busy machine. */
const longestMs = 180_000;
/** How long a command that was told to stop may take to clean up behind itself. */
const goodbyeMs = 15_000;

/** Opens a room; leaving it ends all sandboxes that were started there. */
export async function openRoom(repository: string, signal: AbortSignal): Promise<Room> {
  const dir = await mkdtemp(join(tmpdir(), 'coxswain-examples-'));
  // Apps and Envoys of a sandbox have users of their own, who must be able to pass.
  await chmod(dir, 0o711);
  const { FORCE_COLOR: _color, ...own } = process.env;
  const env = {
    ...own,
    NO_COLOR: '1',
    PATH: [join(repository, 'bin'), own['PATH'] ?? ''].join(delimiter),
    COXSWAIN_RUN_DIR: join(dir, 'run'),
  };
  return {
    run: (command) => runShell(command, repository, env, signal),
    async [Symbol.asyncDispose]() {
      await runShell('coxswain sandbox down --all', repository, env, new AbortController().signal);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Runs one command as somebody at a terminal would, in a process group of its own so that nothing of it is left. */
async function runShell(command: string, cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Seen> {
  signal.throwIfAborted();
  const child = spawn('bash', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let mercy: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup(child.pid, 'SIGINT');
    mercy ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), goodbyeMs);
  };
  const timer = setTimeout(stop, longestMs);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const ended = once(child, 'close');
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    signal.throwIfAborted();
    return seenOf(stdout, typeof code === 'number' ? code : 128, stderr);
  } finally {
    clearTimeout(timer);
    clearTimeout(mercy);
    signal.removeEventListener('abort', stop);
  }
}
