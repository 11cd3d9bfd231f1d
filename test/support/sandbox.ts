import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/lib/clock.ts';
import { poll } from '../../src/sandbox/poll.ts';
import { runChecked } from '../../src/sandbox/run-command.ts';
import { startTimeOf } from '../../src/sandbox/run-dir.ts';

const packageDir = fileURLToPath(new URL('../../', import.meta.url));

/** Folder of an example's manifests. */
export function exampleManifests(name: string): string {
  return join(packageDir, 'examples', name, 'manifests');
}

/** A run directory of the test's own, so that sandboxes of other tests and users don't show. */
export async function makeRunDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
  await chmod(path, 0o711);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** What a sandbox could leave on the machine, apart from processes. */
export async function hostState(): Promise<Readonly<Record<string, string>>> {
  const [namespaces, links, rules, rules6] = await Promise.all([
    runChecked(['ip', 'netns', 'list']),
    runChecked(['ip', '-o', 'link', 'show']),
    runChecked(['iptables-save', '-t', 'nat']),
    runChecked(['ip6tables-save', '-t', 'nat']),
  ]);
  const [mounts, forwarding, instances, bridge] = await Promise.all(
    [
      '/proc/self/mountinfo',
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/fs/inotify/max_user_instances',
      '/proc/sys/net/bridge/bridge-nf-call-iptables',
    ].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const withoutComments = (text: string): string => text.replace(/^#.*$/gm, '').replace(/\[\d+:\d+\]/g, '');
  return {
    namespaces,
    links,
    rules: withoutComments(rules),
    rules6: withoutComments(rules6),
    mounts: mounts ?? '',
    forwarding: forwarding ?? '',
    instances: instances ?? '',
    bridge: bridge ?? '',
  };
}

/** One process, so that its number, used again, is not taken for it. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

/** A process and all that descend from it. */
export async function family(root: number): Promise<readonly ProcessId[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    parents.set(Number(name), Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const members = new Set([root]);
  for (let before = 0; before !== members.size; ) {
    before = members.size;
    for (const [pid, parent] of parents) if (members.has(parent)) members.add(pid);
  }
  const known = await Promise.all([...members].map(async (pid) => ({ pid, startTime: await startTimeOf(pid) })));
  return known.flatMap(({ pid, startTime }) => (startTime === undefined ? [] : [{ pid, startTime }]));
}

/** Those of them that still run. */
export async function alive(processes: readonly ProcessId[]): Promise<readonly ProcessId[]> {
  const now = await Promise.all(
    processes.map(async (each) => ((await startTimeOf(each.pid)) === each.startTime ? [each] : [])),
  );
  return now.flat();
}

/** Waits until it holds; fails saying what did not. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 10_000,
): Promise<T> {
  return await poll(what, ask, { clock: systemClock, timeoutMs, everyMs: 20 });
}

/** Starts `coxswain` as a shell would. */
export function startCli(args: readonly string[], runDir: string): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [join(packageDir, 'src/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, COXSWAIN_RUN_DIR: runDir },
  });
}
