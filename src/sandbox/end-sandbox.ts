import { readFile, rm, stat } from 'node:fs/promises';
import { systemClock } from '../lib/clock.ts';
import { poll } from './poll.ts';
import { isRunning, type SandboxRecord, sandboxPaths } from './run-dir.ts';

/**
 * Ends a sandbox, and waits until no process and no file of it is left. Kills its first process, not `unshare`: the
 * kernel ends all others before that one is gone, and only then does `unshare` end.
 */
export async function endSandbox(record: SandboxRecord, runDir: string): Promise<void> {
  const { init, pid, name } = record;
  const { dir } = sandboxPaths(runDir, name);
  const patience = { clock: systemClock, timeoutMs: 10_000 };
  if (await isRunning(record)) {
    kill((await parentOf(init)) === pid ? init : pid);
    await poll(`sandbox ${name} to end`, async () => ((await isRunning(record)) ? undefined : true), patience);
  }
  const gone = poll('its folder to go', async () => ((await exists(dir)) ? undefined : true), {
    ...patience,
    timeoutMs: 2_000,
  });
  // Without a guard (killed, too) the folder is ours to remove.
  await gone.catch(() => rm(dir, { recursive: true, force: true }));
}

async function parentOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone by itself
  }
}
