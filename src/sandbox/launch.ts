import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { childOf } from './child-of.ts';
import { poll } from './poll.ts';
import type { StartEvent, StepTiming, SupervisorSettings } from './protocol.ts';
import { type SandboxPaths, type SandboxRecord, startTimeOf, writeRecord } from './run-dir.ts';

/** A sandbox that is up. It ends with this process unless {@link Launched.detach} is called. */
export interface Launched {
  readonly record: SandboxRecord;
  readonly timings: readonly StepTiming[];
  readonly detach: () => void;
  /** Resolves when it ended, for whatever reason, and its folder is gone. */
  readonly ended: Promise<void>;
}

/** Arguments: the run directory; then the command line of the supervisor. Its standard input goes through to the latter. */
const guardScript = `dir=$1; shift
trap '' HUP INT QUIT TERM
exec 3<&0
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c '
  exec 3<&0
  "$@" <&3 3<&- &
  wait $!' sh "$@" <&3 3<&- &
echo "pid $!"
wait $!
rm -rf -- "$dir"
`;

/** Where compiled code is kept between runs, if anywhere: without it the supervisor takes twice the time to start. */
function compileCache(): { readonly NODE_COMPILE_CACHE?: string } {
  const folder = process.env['NODE_COMPILE_CACHE'];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}

/**
 * Starts a sandbox and waits until it is up. Four processes make sure that nothing stays behind. A guard on the host
 * removes the run directory when `unshare` ends. `unshare` takes the whole process namespace with it. A shell is the first
 * process inside: it collects orphans, and ends, with all others, when the supervisor does. The supervisor ends when its
 * standard input closes, so when its starter dies.
 */
export async function launch(
  settings: SupervisorSettings,
  paths: SandboxPaths,
  options: { readonly clock: Clock; readonly signal?: AbortSignal; readonly onProgress?: (timing: StepTiming) => void },
): Promise<Launched> {
  const supervisor = fileURLToPath(new URL('supervisor.ts', import.meta.url));
  const child = spawn('sh', ['-c', guardScript, 'sh', paths.dir, settings.node, supervisor], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: settings.path, LANG: 'C.UTF-8', ...compileCache() },
  });
  const { stdin, stdout, stderr } = child;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let complaints = '';
  stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-4_000);
  });
  stdin.on('error', () => {
    // It ended already; how, its output tells.
  });
  const abort = (): void => void stdin.end();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const record = await identify(await firstLine(lines), settings, options.clock);
    await writeRecord(paths, record);
    options.signal?.throwIfAborted();
    stdin.write(`${JSON.stringify(settings)}\n`);
    const timings = await untilReady(lines, options.onProgress);
    if (timings !== undefined) {
      stdout.resume();
      return { record, timings, ended, detach: () => detach(child) };
    }
    await ended;
    options.signal?.throwIfAborted();
    throw new MeshError(
      'unavailable',
      `the sandbox ended while it started${complaints === '' ? '' : `: ${complaints.trim()}`}`,
    );
  } catch (thrown) {
    stdin.end();
    await ended;
    await rm(paths.dir, { recursive: true, force: true });
    const error = MeshError.from(thrown);
    if (complaints === '' || error.message.includes(complaints.trim())) throw thrown;
    throw new MeshError(error.code, `${error.message}\n${complaints.trim()}`, {
      cause: thrown,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function firstLine(lines: AsyncIterator<string>): Promise<number> {
  const first = await lines.next();
  const pid = first.done === true ? Number.NaN : Number(/^pid (\d+)$/.exec(first.value)?.[1]);
  if (Number.isInteger(pid)) return pid;
  throw new MeshError('unavailable', "can't make namespaces", {
    hint: 'a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN for this',
  });
}

async function identify(pid: number, settings: SupervisorSettings, clock: Clock): Promise<SandboxRecord> {
  const startTime = await startTimeOf(pid);
  const init = await poll('the first process of the sandbox', () => firstChild(pid), {
    clock,
    timeoutMs: 5_000,
    everyMs: 2,
  });
  return { name: settings.name, example: settings.example, pid, startTime: startTime ?? '', init };
}

async function firstChild(pid: number): Promise<number | undefined> {
  if ((await startTimeOf(pid)) === undefined) throw new MeshError('unavailable', "can't make namespaces");
  return await childOf(pid);
}

/** Timings, or `undefined` if it ended first. */
async function untilReady(
  lines: AsyncIterator<string>,
  onProgress: ((timing: StepTiming) => void) | undefined,
): Promise<readonly StepTiming[] | undefined> {
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return undefined;
    const event: StartEvent = JSON.parse(next.value);
    if (event.event === 'ready') return event.timings;
    if (event.event === 'failed') {
      const message = event.log === '' ? event.message : `${event.message}; its log ends with:\n${event.log}`;
      throw new MeshError(event.code, message, event.hint === '' ? {} : { hint: event.hint });
    }
    onProgress?.(event);
  }
}

function detach(child: ChildProcess): void {
  child.stdin?.end('detach\n', () => {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  });
}
