import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { enterNode } from '../../src/sandbox/enter.ts';
import { findSandbox } from '../../src/sandbox/run-dir.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { median, quantile } from './figures.ts';
import type { EditorMethods } from './kube-editor.ts';
import { enforcementSeries, enforcementWorld, type Series } from './kube-edits.ts';
import type { PollerMethods, PollFigures } from './kube-poller.ts';
import type { Section } from './kube-section.ts';
import { ms } from './report.ts';
import { Child } from './rpc.ts';

/** One edit, in ms from its start. */
interface Lag {
  /** The writer had its answer. */
  readonly acceptedMs: number;
  /** A watch had the event. */
  readonly seenMs: number;
  /** The first answer that obeys it had arrived. */
  readonly wireMs: number;
  /** A watch had the status Enforced; where that was waited for. */
  readonly enforcedMs: number | undefined;
}

interface Measured {
  readonly series: Series;
  readonly lags: readonly Lag[];
  readonly poll: PollFigures;
  /** Means of what the control plane says of itself. */
  readonly compileMs: number;
  readonly acknowledgedMs: number;
  readonly statusWrites: number;
}

/** The parts of the bench's sandbox. */
interface World {
  readonly sandbox: Sandbox;
  readonly editor: Child<EditorMethods>;
  readonly pollers: ReadonlyMap<string, Child<PollerMethods>>;
}

/** Between edits, so that none of them meets what the one before left to do; drawn, so that they keep no beat. */
const pauseMs = (): number => 150 + Math.random() * 150;

/**
 * From the start of `kubectl apply` until the new policy holds on the wire, in a sandbox with a real API server, the control
 * plane installed in it, and real Envoys.
 */
export async function enforcement(edits: number, progress: (text: string) => void): Promise<Section> {
  const runDir = await mkdtemp(join(tmpdir(), 'coxswain-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(runDir, { recursive: true, force: true }));
  await chmod(runDir, 0o711);
  const manifests = [{ file: 'bench.yaml', yaml: enforcementWorld }];
  const sandbox = stack.use(await Sandbox.up({ name: 'bench', manifests, runDir, kube: { replicas: 1 } }));
  progress('the sandbox is up');
  const editor = stack.use(await startEditor(sandbox, runDir));
  const pollers = new Map(
    [...new Set(enforcementSeries.map(({ pod }) => pod))].map((pod) => {
      const enter = sandbox.command(pod, []);
      return [pod, stack.use(new Child<PollerMethods>('./kube-poller.ts', [], sandbox.environment, enter))];
    }),
  );
  const measured: Measured[] = [];
  for (const series of enforcementSeries) {
    measured.push(await measure({ sandbox, editor, pollers }, series, edits));
    progress(series.title);
  }
  return section(measured);
}

async function startEditor(sandbox: Sandbox, runDir: string): Promise<Child<EditorMethods>> {
  const kubeconfig = sandbox.status.kube?.kubeconfig ?? '';
  const home = dirname(kubeconfig);
  const env = { ...sandbox.environment, HOME: home, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(home, 'cache') };
  const { pid } = await findSandbox(runDir, sandbox.name);
  const editor = new Child<EditorMethods>('./kube-editor.ts', [], env, enterNode(pid, []));
  await editor.call('open', kubeconfig);
  return editor;
}

async function measure({ sandbox, editor, pollers }: World, series: Series, edits: number): Promise<Measured> {
  const { pod, url, mode, answers, path, name, writer, status } = series;
  const poller = pollers.get(pod);
  if (poller === undefined) throw new Error(`no poller in ${pod}`);
  const object = `${path}/${name}`;
  await editor.call('watch', { path, name });
  await editor.call('edit', { writer, path: object, object: series.object(false) });
  const calm = poller.call('until', answers.off);
  await poller.call('start', { url, mode });
  await calm;
  const lags: Lag[] = [];
  const before = await controlPlaneTimes(sandbox);
  const writes = await editor.call('statusWrites');
  for (let round = 0; round < (status ? Math.ceil(edits / 5) : edits); round++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs()));
    const on = round % 2 === 0;
    const [wanted, old] = on ? [answers.on, answers.off] : [answers.off, answers.on];
    const last = await poller.call('last');
    if (last !== old) throw new Error(`${series.title}: the answer before the edit was ${last}, not ${old}`);
    const turned = withTimeout(poller.call('until', wanted), `${series.title}: ${wanted} on the wire`);
    const edited = await editor.call('edit', { writer, path: object, object: series.object(on) });
    const { at } = await turned;
    const seen = await editor.call('seen', edited.generation);
    if (seen === undefined) throw new Error(`${series.title}: no watch heard of generation ${edited.generation}`);
    const enforced = status ? await editor.call('enforced', edited.generation) : undefined;
    if (status && enforced === undefined) throw new Error(`${series.title}: no status said Enforced`);
    const since = (end: bigint): number => Number(end - edited.start) / 1e6;
    lags.push({
      acceptedMs: since(edited.accepted),
      seenMs: since(seen),
      wireMs: since(at),
      enforcedMs: enforced === undefined ? undefined : since(enforced),
    });
  }
  const statusWrites = (await editor.call('statusWrites')) - writes;
  const after = await controlPlaneTimes(sandbox);
  const poll = await poller.call('stop');
  if (mode === 'keep-alive' && poll.connections !== 1) {
    throw new Error(`${series.title}: the connection did not stay open, there were ${poll.connections}`);
  }
  await editor.call('remove', object);
  const mean = (which: keyof Times): number =>
    (1000 * (after[which].sum - before[which].sum)) / Math.max(1, after[which].count - before[which].count);
  return { series, lags, poll, compileMs: mean('compile'), acknowledgedMs: mean('acknowledged'), statusWrites };
}

async function withTimeout<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not in time: ${what}`)), 30_000);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

interface Histogram {
  readonly sum: number;
  readonly count: number;
}

interface Times {
  readonly compile: Histogram;
  readonly acknowledged: Histogram;
}

/** What the control plane has measured so far, in seconds. */
async function controlPlaneTimes(sandbox: Sandbox): Promise<Times> {
  const { body } = await sandbox.admin('/metrics');
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? 0);
  const histogram = (name: string): Histogram => ({ sum: value(`${name}_sum`), count: value(`${name}_count`) });
  return {
    compile: histogram('coxswain_compile_seconds'),
    acknowledged: histogram('pilot_proxy_convergence_time'),
  };
}

const columns = [
  'ms: p50 · p99 · max',
  'edits',
  'apply → wire',
  'accepted → wire',
  'event → wire',
  'apply → accepted',
  'after the event',
  'compiled',
  'acknowledged',
];

function section(measured: readonly Measured[]): Section {
  const three = (values: readonly number[]): string =>
    [0.5, 0.99, 1].map((share) => number(quantile(values, share))).join(' · ');
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const rows = measured.map(({ series, lags, compileMs, acknowledgedMs }) => {
    const total = lags.map(({ wireMs }) => wireMs);
    const own = lags.map(({ wireMs, seenMs }) => wireMs - seenMs);
    return [
      series.title,
      String(lags.length),
      three(total),
      three(lags.map(({ wireMs, acceptedMs }) => wireMs - acceptedMs)),
      three(own),
      three(lags.map(({ acceptedMs }) => acceptedMs)),
      `${Math.round((100 * sum(own)) / sum(total))} %`,
      number(compileMs),
      number(acknowledgedMs),
    ];
  });
  return {
    id: 'kube',
    title: 'from the start of an apply until it holds on the wire: one replica, two sidecars, a real API server',
    columns,
    cells: rows,
    notes: [
      'the wire: the first answer that obeys, on a connection that stays open; for PeerAuthentication the first plaintext connection that is refused, or let in again',
      'kubectl: its own start is most of its row, and it ends some ms after the server has written, so that the wire can be earlier',
      'event: when a watch beside that of the control plane hears of the edit. Before it: writer, validating webhook, API server; after it, with its share: control plane and Envoy',
      'compiled, acknowledged: means of the control plane’s own histograms',
      `the wire was asked every ${listed(measured.map(({ poll }) => number(poll.everyMs)))} ms`,
      ...statusNotes(measured),
    ],
    figures: measured.map(({ series, ...rest }) => ({ id: series.id, ...rest })),
  };
}

const listed = (texts: readonly string[]): string => [...new Set(texts)].sort().join(', ');

function number(value: number): string {
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0);
}

function statusNotes(measured: readonly Measured[]): readonly string[] {
  return measured.flatMap(({ series, lags, statusWrites }) => {
    if (!series.status) return [];
    const after = lags.flatMap(({ enforcedMs, wireMs }) => (enforcedMs === undefined ? [] : [enforcedMs - wireMs]));
    const perEdit = (statusWrites / lags.length).toFixed(1);
    return [
      `status says Enforced ${ms(median(after))} after the wire (p99 ${ms(quantile(after, 0.99))}), with ${perEdit} writes an edit`,
    ];
  });
}
