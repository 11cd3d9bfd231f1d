import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';

/** Where sandboxes are known from: one folder each. COXSWAIN_RUN_DIR moves it. */
export const defaultRunDir = '/run/coxswain/sandbox';

/** Where this user's sandboxes are registered. */
export function runDirOf(env: Readonly<Record<string, string | undefined>>): string {
  const given = env['COXSWAIN_RUN_DIR'] ?? '';
  return given === '' ? defaultRunDir : given;
}

/**
 * What the host keeps of a running sandbox: how to find it. All else (keys, tokens, configuration, logs) lies in a
 * file system that exists only inside, and is gone with its last process whatever ends it.
 */
export interface SandboxRecord {
  readonly name: string;
  readonly example: string;
  /** The `unshare` process: its namespaces are the sandbox's, and with it everything ends. */
  readonly pid: number;
  /** Clock ticks since boot at which it began: a number that was used again is not the same process. */
  readonly startTime: string;
  /** First process inside; the kernel ends all others before this one is gone. */
  readonly init: number;
}

/** The files by which the host knows one sandbox. */
export interface SandboxPaths {
  readonly dir: string;
  readonly record: string;
  readonly socket: string;
}

/** Where those of the sandbox of this name are. */
export function sandboxPaths(runDir: string, name: string): SandboxPaths {
  const dir = join(runDir, checkName(name));
  return { dir, record: join(dir, 'record.json'), socket: join(dir, 'control.sock') };
}

/** Takes the name, or fails if a sandbox of that name runs. What a killed one left is removed. */
export async function reserve(runDir: string, name: string): Promise<SandboxPaths> {
  const paths = sandboxPaths(runDir, name);
  await mkdir(runDir, { recursive: true, mode: 0o711 });
  for (const attempt of [1, 2]) {
    try {
      await mkdir(paths.dir, { mode: 0o700 });
      return paths;
    } catch (thrown) {
      if (!isCode(thrown, 'EEXIST')) throw MeshError.from(thrown, 'unavailable');
      if (attempt === 1 && (await pruneOne(runDir, name))) continue;
      throw new MeshError('unavailable', `a sandbox named ${name} is there already`, {
        hint: `coxswain sandbox down ${name}, or choose another name: --name NAME`,
      });
    }
  }
  throw new MeshError('internal', 'unreachable');
}

/** Makes a sandbox known, with ways in to its configuration and logs that end when it does. */
export async function writeRecord(paths: SandboxPaths, record: SandboxRecord): Promise<void> {
  await writeFile(paths.record, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  for (const folder of ['config', 'logs']) {
    await symlink(`/proc/${record.pid}/root${join(paths.dir, folder)}`, join(paths.dir, folder));
  }
}

/** The running sandbox of that name; a clear error if there is none. */
export async function findSandbox(runDir: string, name: string): Promise<SandboxRecord> {
  const record = await readRecord(sandboxPaths(runDir, name));
  if (record !== undefined && (await isRunning(record))) return record;
  const running = (await listSandboxes(runDir)).map((each) => each.name);
  throw new MeshError('not-found', `no sandbox named ${name} is running`, {
    hint: running.length === 0 ? 'start one: coxswain sandbox up EXAMPLE' : `running: ${running.join(', ')}`,
  });
}

/** The sandbox of that name, or the only one that runs. */
export async function chooseSandbox(runDir: string, name: string | undefined): Promise<SandboxRecord> {
  if (name !== undefined) return await findSandbox(runDir, name);
  const running = await listSandboxes(runDir);
  const [only, second] = running;
  if (only === undefined) {
    throw new MeshError('not-found', 'no sandbox is running', { hint: 'start one: coxswain sandbox up EXAMPLE' });
  }
  if (second === undefined) return only;
  throw new MeshError('bad-argument', 'several sandboxes are running', {
    hint: `choose one: ${running.map((each) => each.name).join(', ')}`,
  });
}

/** All running sandboxes. Removes what those that were killed left behind. */
export async function listSandboxes(runDir: string): Promise<readonly SandboxRecord[]> {
  const running: SandboxRecord[] = [];
  for (const name of (await namesIn(runDir)).toSorted()) {
    const record = await readRecord(sandboxPaths(runDir, name));
    if (record !== undefined && (await isRunning(record))) running.push(record);
    else await pruneOne(runDir, name);
  }
  return running;
}

/** Field 22 of `/proc/PID/stat`; `undefined` if there is no such process, or only its corpse. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined; // no such process
  }
}

/** Does the very process of this record still run? */
export async function isRunning(record: SandboxRecord): Promise<boolean> {
  return (await startTimeOf(record.pid)) === record.startTime;
}

/** Lower case, because it names a folder and appears in commands. */
export function checkName(name: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) return name;
  throw new MeshError('bad-argument', `${JSON.stringify(name)} can't name a sandbox`, {
    hint: 'use up to 40 lower-case letters, digits and dashes',
  });
}

const youngMs = 10_000;

async function pruneOne(runDir: string, name: string): Promise<boolean> {
  const paths = sandboxPaths(runDir, name);
  const record = await readRecord(paths);
  if (record !== undefined && (await isRunning(record))) return false;
  // A folder without a record may belong to a sandbox that begins right now.
  if (record === undefined && Date.now() - (await stat(paths.dir)).mtimeMs < youngMs) return false;
  await rm(paths.dir, { recursive: true, force: true });
  return true;
}

async function readRecord(paths: SandboxPaths): Promise<SandboxRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(paths.record, 'utf8'));
    if (!isRecord(value)) return undefined;
    const { name, example, pid, startTime, init } = value;
    if (typeof name !== 'string' || typeof example !== 'string' || typeof startTime !== 'string') return undefined;
    if (typeof pid !== 'number' || typeof init !== 'number') return undefined;
    return { name, example, pid, startTime, init };
  } catch {
    return undefined; // not written yet, or half written when its writer was killed
  }
}

async function namesIn(runDir: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(runDir, { withFileTypes: true });
    return entries.filter((each) => each.isDirectory() && /^[a-z0-9-]+$/.test(each.name)).map((each) => each.name);
  } catch (thrown) {
    if (isCode(thrown, 'ENOENT')) return [];
    throw MeshError.from(thrown, 'unavailable');
  }
}

function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
