import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { kubernetesSource } from '../../../src/config/kubernetes/source.ts';
import { trimOf } from '../../../src/config/kubernetes/trim.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { isKubeObject, type KubeObject } from '../../../src/kube/object.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { fillPods, firstPod, manyPods } from '../../support/bench-kube-fill.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { CutProxy, inParallel, Mirror, openThrough, recordRequests } from '../../support/list-watch.ts';
import { eventually } from '../../support/sandbox.ts';

const slow = 90_000;

/** The ConfigMaps of one namespace, by hand. */
class ConfigMaps {
  readonly path: string;
  readonly #client: KubeClient;
  readonly #namespace: string;

  private constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.path = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  static async create(client: KubeClient, namespace: string): Promise<ConfigMaps> {
    await client.create('/api/v1/namespaces', { metadata: { name: namespace } });
    return new ConfigMaps(client, namespace);
  }

  async add(name: string, text = ''): Promise<KubeObject> {
    return await this.#client.create(this.path, { metadata: { name, namespace: this.#namespace }, data: { text } });
  }

  async edit(name: string, text: string): Promise<KubeObject> {
    const path = `${this.path}/${name}`;
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: this.#namespace },
      data: { text },
    };
    return await this.#client.apply(path, object, { fieldManager: 'test', force: true });
  }

  async remove(name: string): Promise<void> {
    await this.#client.remove(`${this.path}/${name}`);
  }

  /** Version of each object by name, from a list of its own. */
  async versions(): Promise<ReadonlyMap<string, string>> {
    const list = await this.#client.request('GET', this.path);
    const items = typeof list === 'object' && list !== null && 'items' in list ? list.items : [];
    if (!Array.isArray(items)) return new Map();
    return new Map(items.filter(isKubeObject).map(({ metadata }) => [metadata.name, metadata.resourceVersion ?? '']));
  }
}

/** Waits until the mirror shows what a list shows. */
async function agree(mirror: Mirror, configMaps: ConfigMaps): Promise<void> {
  const wanted = await configMaps.versions();
  await eventually(
    'the mirror to show what the server has',
    () => {
      if (mirror.objects.size !== wanted.size) return undefined;
      return [...wanted].every(([name, version]) => mirror.objects.get(name) === version) || undefined;
    },
    slow,
  );
}

function twice(values: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

/** Tries again while the server is down. */
async function stubbornly<T>(task: () => Promise<T>): Promise<T> {
  return await eventually(
    'the API server to answer',
    () =>
      task().catch((thrown: unknown) => {
        if (thrown instanceof MeshError && thrown.code === 'conflict') throw thrown;
        return undefined;
      }),
    slow,
  );
}

describe('integration: list-watch', function () {
  this.timeout(180_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
  });

  after(() => cluster[Symbol.asyncDispose]());

  it('lists again after a compaction while the watch was down, and tells the difference only', async () => {
    const configMaps = await ConfigMaps.create(cluster.client, 'compaction');
    for (const name of ['same', 'edited', 'deleted', 'remade']) await configMaps.add(name);
    await using proxy = await CutProxy.start(cluster.server.port);
    const { client, asked } = recordRequests(await openThrough(cluster, proxy.port));
    using _client = client;
    await using mirror = new Mirror(client, { path: configMaps.path });
    await agree(mirror, configMaps);
    await eventually('the watch', () => asked.length === 2 || undefined);

    proxy.shut();
    await configMaps.edit('edited', 'again');
    await configMaps.remove('deleted');
    await configMaps.remove('remade');
    await configMaps.add('remade');
    await configMaps.add('new');
    await cluster.compact();
    await cluster.killApiServer();
    await cluster.startApiServer();
    const before = { puts: mirror.puts.length, lists: asked.filter((each) => each.startsWith('list')).length };
    proxy.open();
    await agree(mirror, configMaps);

    const versions = await configMaps.versions();
    expect(before.lists).to.equal(1);
    expect(asked.filter((each) => each.startsWith('list'))).to.have.length(2);
    expect(mirror.puts.slice(before.puts).sort()).to.deep.equal(
      ['edited', 'new', 'remade'].map((name) => `${name}@${versions.get(name)}`),
    );
    expect([mirror.deletes, mirror.synced]).to.deep.equal([['deleted'], 1]);
  });

  it('loses nothing and tells nothing twice while the API server is killed in a burst of edits', async () => {
    const configMaps = await ConfigMaps.create(cluster.client, 'burst');
    await using mirror = new Mirror(cluster.client, { path: configMaps.path });
    let kills = 0;
    const burst = inParallel(
      Array.from({ length: 300 }, (_, n) => n),
      4,
      async (n) => {
        if (n === 100 || n === 200) {
          kills += 1;
          await cluster.killApiServer();
          await cluster.startApiServer();
        }
        const name = `c${n % 60}`;
        if (n % 7 === 6) await stubbornly(() => configMaps.remove(name).then(() => true));
        else await stubbornly(() => configMaps.edit(name, `text ${n}`));
      },
    );
    await burst;
    await agree(mirror, configMaps);
    expect([kills, mirror.synced]).to.deep.equal([2, 1]);
    expect(twice(mirror.puts)).to.deep.equal([]);
    // Each object went forward only.
    const last = new Map<string, number>();
    for (const put of mirror.puts) {
      const [name = '', version] = put.split('@');
      expect(Number(version)).to.be.greaterThan(last.get(name) ?? 0);
      last.set(name, Number(version));
    }
    console.log(
      `      ${mirror.puts.length} puts, ${mirror.deletes.length} deletes, ${mirror.objects.size} objects left`,
    );
  });

  it('loses nothing of watches that are cut in the middle of an event, and lists no second time', async () => {
    const configMaps = await ConfigMaps.create(cluster.client, 'cut');
    await using proxy = await CutProxy.start(cluster.server.port);
    const { client, asked } = recordRequests(await openThrough(cluster, proxy.port));
    using _client = client;
    await using mirror = new Mirror(client, { path: configMaps.path });
    await eventually('the watch', () => asked.length === 2 || undefined);
    // Each event is 60 kB, so every limit lies within one of them (a handshake takes some 3 kB).
    const limits = [20_000, 45_000, 90_000, 110_000, 160_000, 200_000];
    proxy.cutNext(limits);
    for (let n = 0; n < 20; n++) await configMaps.add(`c${n}`, 'ü'.repeat(30_000));
    await agree(mirror, configMaps);
    expect(twice(mirror.puts)).to.deep.equal([]);
    expect(mirror.puts).to.have.length(20);
    expect(asked.filter((each) => each.startsWith('list'))).to.have.length(1);
    expect([proxy.cuts, asked.filter((each) => each.startsWith('watch')).length]).to.deep.equal([
      limits.length,
      limits.length + 2,
    ]);
  });

  it('is told of a CRD that comes late, and lets everything go when it leaves', async () => {
    const store = new Store(defaultMesh);
    await using source = kubernetesSource({
      client: cluster.client,
      cluster: 'test',
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
    });
    const stop = new AbortController();
    const following = (async () => {
      for await (const batch of source.events(stop.signal)) store.commit(batch);
    })();
    const policies = (): readonly string[] =>
      [...(store.snapshot.peerAuthentications.get('late')?.values() ?? [])].map(
        ({ meta, mtls }) => `${meta.name} ${mtls}`,
      );
    await eventually('the source to be synced without CRDs', () => store.synced || undefined, slow);
    expect(policies()).to.deep.equal([]);

    await cluster.apply(crd);
    await cluster.client.create('/api/v1/namespaces', { metadata: { name: 'late' } });
    const policy = (mode: string): string =>
      JSON.stringify({
        apiVersion: 'security.istio.io/v1beta1',
        kind: 'PeerAuthentication',
        metadata: { name: 'default', namespace: 'late' },
        spec: { mtls: { mode } },
      });
    await eventually('the CRD', () => cluster.apply(policy('STRICT')).catch(() => undefined), slow);
    await eventually('the late policy', () => (policies()[0] === 'default STRICT' ? true : undefined), slow);
    await cluster.apply(policy('STRIC'));
    await eventually('the finding', () => (store.findings.length > 0 ? true : undefined), slow);
    expect(policies()).to.deep.equal(['default STRICT']);
    expect(store.findings.map(({ code, object }) => `${code} ${object}`)).to.deep.equal([
      'bad-value PeerAuthentication/late/default',
      'last-good-kept PeerAuthentication/late/default',
    ]);

    await cluster.kubectl(['delete', 'crd', 'peerauthentications.security.istio.io']);
    await eventually('the policy to be gone', () => policies().length === 0 || undefined, slow);
    expect(store.findings).to.deep.equal([]);
    await cluster.apply(crd);
    await eventually('the CRD', () => cluster.apply(policy('DISABLE')).catch(() => undefined), slow);
    await eventually('the new policy', () => (policies()[0] === 'default DISABLE' ? true : undefined), slow);
    stop.abort();
    await following;
  });

  it('holds 10,000 pods at little memory, read in pages', async () => {
    const path = manyPods;
    const count = 10_000;
    await fillPods(cluster, await firstPod(cluster), 1, count - 1);

    // Without the objects: what the list-watch itself holds.
    const bare = await measure(async () => {
      const { client, asked } = recordRequests(cluster.client);
      const mirror = new Mirror(client, { path, trim: trimOf('Pod', true) });
      await eventually('the first list', () => mirror.synced === 1 || undefined, slow);
      expect(asked.filter((each) => each.startsWith('list'))).to.have.length(Math.ceil(count / 500));
      expect([mirror.puts.length, mirror.batches]).to.deep.equal([count, Math.ceil(count / 500) + 1]);
      mirror.objects.clear();
      mirror.puts.length = 0;
      return mirror;
    });
    await bare.held[Symbol.asyncDispose]();

    // As the control plane: parsed, in a store.
    const whole = await measure(async () => {
      const store = new Store(defaultMesh);
      const stop = new AbortController();
      const options = { clock: systemClock, random: Math.random, log: silentLogger };
      const source = kubernetesSource({ client: cluster.client, cluster: 'test', ...options });
      const following = (async () => {
        for await (const batch of source.events(stop.signal)) store.commit(batch);
      })();
      await eventually('the source to be synced', () => store.synced || undefined, slow);
      expect(store.snapshot.pods.get('many')?.size).to.equal(count);
      return { store, stop, following };
    });
    whole.held.stop.abort();
    await whole.held.following;
    console.log(`      ${count} pods: list-watch ${bare.text(count)}; source and store ${whole.text(count)}`);
    expect(bare.heap / count).to.be.below(500);
    expect(whole.heap / count).to.be.below(3_000);
  });
});

interface Measured<T> {
  readonly held: T;
  /** Bytes that the task left behind. */
  readonly heap: number;
  readonly text: (count: number) => string;
}

/** What a task leaves on the heap, and how long it takes. */
async function measure<T>(task: () => Promise<T>): Promise<Measured<T>> {
  const before = heapNow();
  const start = performance.now();
  const held = await task();
  const ms = Math.round(performance.now() - start);
  const heap = heapNow() - before;
  return { held, heap, text: (count) => `synced in ${ms} ms, ${Math.round(heap / count)} B of heap each` };
}

function heapNow(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().heapUsed;
}

/** As little of a CRD as the source needs; deploy/crds has the whole ones. */
const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: peerauthentications.security.istio.io }
spec:
  group: security.istio.io
  scope: Namespaced
  names: { kind: PeerAuthentication, plural: peerauthentications, singular: peerauthentication }
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
