// A process that reads a collection from an API server as the control plane does, and says what that took.
import { kubernetesSource } from '../../src/config/kubernetes/source.ts';
import { type KubeClient, openKube } from '../../src/kube/client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import { Store } from '../../src/snapshot/store.ts';
import { recordRequests } from '../support/list-watch.ts';
import { serve } from './rpc.ts';
import { type Usage, UsageMeter } from './usage.ts';

const pageSize = 500;

export interface Synced {
  readonly ms: number;
  readonly pages: number;
  readonly pods: number;
  readonly startRss: number;
  readonly usage: Usage;
}

export interface Bare {
  readonly ms: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
}

let client: KubeClient | undefined;
const stop = new AbortController();

function api(): KubeClient {
  if (client === undefined) throw new Error('not opened');
  return client;
}

/** Pages, without looking into them. */
async function readPages(path: string): Promise<number> {
  let token: string | undefined;
  let bytes = 0;
  do {
    // The token stands in the metadata of a list, which comes before its items.
    let head = '';
    for await (const chunk of await api().stream(path, { limit: pageSize, continue: token }, stop.signal)) {
      bytes += chunk.length;
      if (head.length < 2_048) head += Buffer.from(chunk).toString('latin1', 0, 2_048);
    }
    token = /"continue":"([^"]+)"/.exec(head.slice(0, head.indexOf('"items"')))?.[1];
  } while (token !== undefined);
  return bytes;
}

const methods = {
  async open(kubeconfig: string) {
    client = await openKube({ kubeconfig });
    // The connection and the code of the TLS stack are not what is measured.
    await client.request('GET', '/version');
  },
  /** From nothing until all kinds are listed, parsed, and in the store. */
  async sync({ path, namespace }: { readonly path: string; readonly namespace: string }): Promise<Synced> {
    const meter = new UsageMeter();
    meter.start();
    const startRss = meter.read().rss;
    const start = performance.now();
    const { client: recording, asked } = recordRequests(api());
    const store = new Store(defaultMesh);
    const common = { clock: systemClock, random: Math.random, log: silentLogger };
    const source = kubernetesSource({ client: recording, cluster: 'bench', pageSize, ...common });
    for await (const batch of source.events(stop.signal)) {
      store.commit(batch);
      if (store.synced) break;
    }
    const ms = performance.now() - start;
    const usage = meter.read();
    const pages = asked.filter((each) => each.startsWith(`list ${path}`)).length;
    return { ms, pages, pods: store.snapshot.pods.get(namespace)?.size ?? 0, startRss, usage };
  },
  /** The same pages, thrown away: what the API server and the wire take. */
  async bare(path: string): Promise<Bare> {
    const meter = new UsageMeter();
    meter.start();
    const start = performance.now();
    const bytes = await readPages(path);
    return { ms: performance.now() - start, cpuSeconds: meter.read().cpuSeconds, bytes };
  },
} as const;

/** What the bench asks of the reading process. */
export type ReaderMethods = typeof methods;

serve(methods);
