import { fillPods, firstPod } from '../support/bench-kube-fill.ts';
import { startKubeCluster } from '../support/kube-cluster.ts';
import { median } from './figures.ts';
import type { Bare, ReaderMethods, Synced } from './kube-reader.ts';
import type { Section } from './kube-section.ts';
import { bytes, ms, seconds } from './report.ts';
import { Child } from './rpc.ts';

/** How `bin/coxswain` starts Node. */
const serverFlags = ['--max-semi-space-size=16'];
const serverEnv = { MALLOC_TRIM_THRESHOLD_: '131072' };
/** The kind's own collection, in all namespaces: what the control plane lists. */
const path = '/api/v1/pods';
const namespace = 'many';

interface Measured {
  readonly pods: number;
  readonly pages: number;
  readonly syncedMs: number;
  readonly cpuSeconds: number;
  /** Resident memory above what the process had before. */
  readonly peakBytes: number;
  readonly heldBytes: number;
  readonly bare: Bare;
}

/** Time and memory until all objects of a real API server are listed, parsed and in the store. */
export async function listWatch(runs: number, progress: (text: string) => void): Promise<Section> {
  await using cluster = await startKubeCluster();
  const pod = await firstPod(cluster);
  const measured: Measured[] = [];
  let filled = 1;
  for (const count of [1_000, 10_000]) {
    await fillPods(cluster, pod, filled, count - 1);
    filled = count;
    measured.push(await measure(cluster.kubeconfig, count, runs));
    progress(`${count} pods`);
  }
  return section(measured, runs);
}

async function measure(kubeconfig: string, count: number, runs: number): Promise<Measured> {
  const [synced, bare]: [Synced[], Bare[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    await using reader = await startReader(kubeconfig);
    synced.push(await reader.call('sync', { path, namespace }));
    await using other = await startReader(kubeconfig);
    bare.push(await other.call('bare', path));
  }
  const [{ pods, pages } = { pods: 0, pages: 0 }] = synced;
  if (pods !== count) throw new Error(`${pods} pods were read, not ${count}`);
  const of = (pick: (run: Synced) => number): number => median(synced.map(pick));
  const ofBare = (pick: (run: Bare) => number): number => median(bare.map(pick));
  return {
    pods,
    pages,
    syncedMs: of((run) => run.ms),
    cpuSeconds: of(({ usage }) => usage.cpuSeconds),
    peakBytes: of(({ usage, startRss }) => usage.peakRss - startRss),
    heldBytes: of(({ usage, startRss }) => usage.rss - startRss),
    bare: {
      ms: ofBare((run) => run.ms),
      cpuSeconds: ofBare((run) => run.cpuSeconds),
      bytes: ofBare((run) => run.bytes),
    },
  };
}

async function startReader(kubeconfig: string): Promise<Child<ReaderMethods>> {
  const reader = new Child<ReaderMethods>('./kube-reader.ts', serverFlags, serverEnv);
  await reader.call('open', kubeconfig);
  return reader;
}

const columns = [
  'list-watch',
  'pages',
  'bytes',
  'synced',
  'CPU',
  'peak RSS above start',
  'RSS above start',
  'floor CPU · time',
];

function section(measured: readonly Measured[], runs: number): Section {
  return {
    id: 'list-watch',
    title: `from nothing until all kinds are listed, parsed and in the store, medians of ${runs} runs`,
    columns,
    cells: measured.map((each) => [
      `${each.pods} pods`,
      String(each.pages),
      bytes(each.bare.bytes),
      ms(each.syncedMs),
      seconds(each.cpuSeconds),
      bytes(each.peakBytes),
      bytes(each.heldBytes),
      `${seconds(each.bare.cpuSeconds)} ${(each.cpuSeconds / each.bare.cpuSeconds).toFixed(1)}× · ${ms(each.bare.ms)} ${(each.syncedMs / each.bare.ms).toFixed(1)}×`,
    ]),
    notes: [
      'floor: the same pages, read one after the other and thrown away',
      'RSS is read the moment it is synced, before the garbage of the pages is collected',
    ],
    figures: measured,
  };
}
