// Beside the API server of a sandbox: edits an object, and watches it, as a user and as a control plane do.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { type KubeClient, openKube } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { reflect } from '../../src/kube/reflector.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { serve } from './rpc.ts';

/** Who writes: a program that has a connection already, or `kubectl apply`, which starts anew each time. */
export type Writer = 'program' | 'kubectl';

/** When an edit was made: ns on the clock that all processes share. */
export interface Edited {
  readonly start: bigint;
  /** The writer had its answer; kubectl had ended. */
  readonly accepted: bigint;
  readonly generation: number;
}

let client: KubeClient | undefined;
let stop = new AbortController();
let watching: Promise<void> = Promise.resolve();
/** When a watch heard of each generation, and of its condition Enforced. */
let seen = new Map<number, bigint>();
let enforced = new Map<number, bigint>();
let statusWrites = 0;

function api(): KubeClient {
  if (client === undefined) throw new Error('not opened');
  return client;
}

function heard(object: KubeObject): void {
  const at = process.hrtime.bigint();
  const { generation = 0 } = object.metadata;
  if (!seen.has(generation)) seen.set(generation, at);
  else statusWrites += 1;
  if (isEnforced(object, generation) && !enforced.has(generation)) enforced.set(generation, at);
}

interface StoredStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly observedGeneration?: number;
  }[];
}

function isEnforced({ status }: KubeObject & { readonly status?: StoredStatus }, generation: number): boolean {
  return (
    status?.conditions?.some(
      (each) => each.type === 'Enforced' && each.status === 'True' && each.observedGeneration === generation,
    ) ?? false
  );
}

async function follow(path: string, name: string, synced: () => void, signal: AbortSignal): Promise<void> {
  const common = { client: api(), clock: systemClock, random: Math.random, log: silentLogger };
  for await (const batch of reflect({ ...common, path, fieldSelector: `metadata.name=${name}` }, signal)) {
    for (const event of batch) {
      if (event.type === 'put') heard(event.object);
      else if (event.type === 'synced') synced();
    }
  }
}

async function kubectl(object: object): Promise<string> {
  const args = ['apply', '-f', '-', '-o', 'jsonpath={.metadata.generation}'];
  const child = spawn('kubectl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(object));
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if ((await code) !== 0) throw new Error(`kubectl apply: ${stderr}`);
  return stdout;
}

async function generationOf(writer: Writer, path: string, object: object): Promise<number> {
  if (writer === 'kubectl') return Number(await kubectl(object));
  const written = await api().apply(path, object, { fieldManager: 'bench', force: true });
  return written.metadata.generation ?? 0;
}

async function within<T>(ms: number, ask: () => T | undefined): Promise<T | undefined> {
  const end = performance.now() + ms;
  for (;;) {
    const found = ask();
    if (found !== undefined || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const methods = {
  async open(kubeconfig: string) {
    client = await openKube({ kubeconfig });
  },
  /** Watches one object from now on. */
  async watch({ path, name }: { readonly path: string; readonly name: string }) {
    stop.abort();
    await watching;
    [seen, enforced, statusWrites] = [new Map(), new Map(), 0];
    stop = new AbortController();
    const synced = Promise.withResolvers<void>();
    watching = follow(path, name, synced.resolve, stop.signal);
    await synced.promise;
  },
  async edit(edit: { readonly writer: Writer; readonly path: string; readonly object: object }): Promise<Edited> {
    const start = process.hrtime.bigint();
    const generation = await generationOf(edit.writer, edit.path, edit.object);
    return { start, accepted: process.hrtime.bigint(), generation };
  },
  /** When the watch heard of a generation. */
  seen: (generation: number) => within(5_000, () => seen.get(generation)),
  /** When the status of the object said that all proxies enforce it. */
  enforced: (generation: number) => within(10_000, () => enforced.get(generation)),
  /** Writes of the object that changed nothing but its status. */
  statusWrites: () => statusWrites,
  remove: (path: string) => api().remove(path),
} as const;

/** What the bench asks of the process on a sandbox's node. */
export type EditorMethods = typeof methods;

serve(methods);
