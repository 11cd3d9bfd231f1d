import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { StreamFacts } from '../../../src/cluster/status/facts.ts';
import { type Status, startStatus } from '../../../src/cluster/status/status.ts';
import { kubernetesSource } from '../../../src/config/kubernetes/source.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { Proxy } from '../../../src/model/proxy.ts';
import { types } from '../../../src/model/type-urls.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { type CompiledProxy, Compiler } from '../../../src/translate/compiler.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';

const crds = fileURLToPath(new URL('../../../deploy/crds', import.meta.url));
const root = 'istio-system';
const peers = '/apis/security.istio.io/v1/namespaces/foo/peerauthentications';

/** The client, and which statuses were written through it. */
function counting(client: KubeClient, written: string[]): KubeClient {
  return {
    server: client.server,
    namespace: client.namespace,
    request: (method, path, options) => {
      if (method !== 'GET' && path.endsWith('/status')) written.push(path.split('/').slice(-2, -1).join());
      return client.request(method, path, options);
    },
    stream: (path, query, signal) => client.stream(path, query, signal),
    get: (path, query) => client.get(path, query),
    create: (path, object) => client.create(path, object),
    replace: (path, object) => client.replace(path, object),
    apply: (path, object, options) => client.apply(path, object, options),
    remove: (path, options) => client.remove(path, options),
    [Symbol.dispose]: () => undefined,
  };
}

/** One replica over a real cluster: real source, store and compiler; proxies acknowledge when the test says so. */
class Replica implements AsyncDisposable {
  readonly store = new Store(defaultMesh);
  readonly compiler = new Compiler(this.store.snapshot);
  readonly status: Status;
  /** Names of objects whose status was written, in order. */
  readonly written: string[] = [];
  readonly #stop = new AbortController();
  readonly #proxies = new Map<
    string,
    { readonly compiled: CompiledProxy; readonly proxy: Proxy; stream: StreamFacts }
  >();
  readonly #running: Promise<unknown>;

  constructor(cluster: KubeCluster, replica: string, lead: boolean) {
    const client = counting(cluster.client, this.written);
    const options = { client, clock: systemClock, random: Math.random, log: silentLogger };
    const sources = {
      snapshot: () => this.store.snapshot,
      views: () => this.compiler.views().map(({ view }) => view),
      hidden: () => new Set<string>(),
      streams: () => [...this.#proxies.values()].map(({ stream }) => stream),
      findings: () => [...this.store.findings, ...this.compiler.findings],
    };
    this.status = startStatus({ ...options, namespace: root, replica, podUid: undefined, sources });
    this.#running = Promise.all([
      this.#follow(kubernetesSource({ ...options, cluster: 'test' })),
      lead ? this.status.lead(this.#stop.signal) : undefined,
    ]);
  }

  async #follow(source: ReturnType<typeof kubernetesSource>): Promise<void> {
    for await (const batch of source.events(this.#stop.signal)) {
      const { snapshot, changes } = this.store.commit(batch);
      if (changes.length > 0) this.compiler.update(snapshot, changes);
      this.status.configurationChanged();
    }
  }

  connect(name: string, labels: Readonly<Record<string, string>> = { app: 'web' }): void {
    const id = `sidecar~10.0.0.1~${name}.foo~foo.svc.cluster.local`;
    const common = { kind: 'sidecar', ip: '10.0.0.1', serviceAccount: 'web', routes: 'vhds' } as const;
    const proxy: Proxy = { ...common, id, name, namespace: 'foo', labels };
    const compiled = this.compiler.attach(proxy, () => undefined);
    this.#proxies.set(name, { compiled, proxy, stream: this.#stream(proxy, compiled, 0, '') });
    this.status.streamsMoved();
  }

  /** It has everything now, or refuses what came since it last had. */
  answer(name: string, refused = ''): void {
    const known = this.#proxies.get(name);
    if (known === undefined) throw new Error(`no proxy ${name}`);
    const { proxy, compiled, stream } = known;
    const reached = refused === '' ? this.compiler.generation : (stream.types[0]?.generation ?? 0);
    known.stream = this.#stream(proxy, compiled, reached, refused);
    this.status.streamsMoved();
  }

  #stream(proxy: Proxy, { view }: CompiledProxy, generation: number, refused: string): StreamFacts {
    const listener = { type: types.listener, generation, refused };
    return { proxy, view, aggregated: true, connectedAt: 0, types: [listener] };
  }

  /** Once it has read this generation of a policy. */
  async hasRead(name: string, generation: number): Promise<void> {
    await eventually(`generation ${generation} of ${name} to be read`, () =>
      this.store.snapshot.peerAuthentications.get('foo')?.get(name)?.meta.generation === generation ? true : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.status[Symbol.asyncDispose]();
    for (const { compiled } of this.#proxies.values()) compiled[Symbol.dispose]();
  }
}

/** Also YAML: what `kubectl apply -f -` takes. */
const manifest = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace: 'foo' }, spec });
const policy = (name: string, mode: string): string => manifest('PeerAuthentication', name, { mtls: { mode } });

describe('status on a real API server', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
    const { code, stderr } = await cluster.kubectl(['apply', '-f', crds]);
    if (code !== 0) throw new Error(stderr);
    const waited = await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    if (waited.code !== 0) throw new Error(waited.stderr);
    await cluster.kubectl(['create', 'namespace', 'foo']);
    await cluster.kubectl(['create', 'namespace', root]);
  });

  after(() => cluster[Symbol.asyncDispose]());

  afterEach(async () => {
    await cluster.kubectl(['delete', 'pa,ra,ap', '--all', '-n', 'foo']);
  });

  const read = (name: string): Promise<KubeObject> => cluster.client.get(`${peers}/${name}`);

  /** `status reason@generation: message`, by type. */
  async function said(path: string): Promise<Readonly<Record<string, string>>> {
    const { status } = (await cluster.client.get(path)) as {
      readonly status?: { readonly conditions?: readonly Record<string, unknown>[] };
    };
    return Object.fromEntries(
      (status?.conditions ?? []).map((each) => [
        String(each['type']),
        `${each['status']} ${each['reason']}@${each['observedGeneration']}: ${each['message']}`,
      ]),
    );
  }

  async function says(path: string, expected: Readonly<Record<string, string>>): Promise<void> {
    let last: unknown;
    const ask = async (): Promise<true | undefined> => {
      // An API server that has just started may still refuse.
      const now = await said(path).catch((thrown: unknown) => ({ failed: String(thrown) }));
      last = now;
      const all = new Map(Object.entries(now));
      return Object.entries(expected).every(([type, text]) => all.get(type) === text) ? true : undefined;
    };
    await eventually('the conditions', ask, 45_000).catch(() => expect(last).to.deep.equal(expected));
  }

  const wait = (what: string, name: string, seconds: number) =>
    cluster.kubectl(['wait', `--for=condition=${what}`, `--timeout=${seconds}s`, '-n', 'foo', `pa/${name}`]);

  it('lets kubectl wait for a policy, and for an edit of it', async () => {
    await using replica = new Replica(cluster, 'cp-1', true);
    await cluster.apply(policy('strict', 'STRICT'));
    replica.connect('web-1');
    replica.connect('web-2');
    await replica.hasRead('strict', 1);
    replica.answer('web-1');
    await says(`${peers}/strict`, {
      Accepted: 'True Valid@1: the object is valid',
      Enforced: 'False Pending@1: on 1 of 2 proxies, 1 pending',
    });
    const waiting = wait('Enforced', 'strict', 20);
    replica.answer('web-2');
    expect((await waiting).stdout).to.contain('condition met');
    await cluster.apply(policy('strict', 'PERMISSIVE'));
    await replica.hasRead('strict', 2);
    replica.answer('web-1');
    // What stands there is about the generation before, and kubectl knows.
    expect((await wait('Enforced', 'strict', 1)).code).to.not.equal(0);
    replica.answer('web-2', 'no such filter');
    await says(`${peers}/strict`, {
      Accepted: 'True Valid@2: the object is valid',
      Enforced: 'False Rejected@2: on 1 of 2 proxies, 1 rejected: web-2.foo: no such filter',
    });
    replica.answer('web-2');
    expect((await wait('Enforced', 'strict', 20)).code).to.equal(0);
    expect((await read('strict')).metadata.generation, 'a status is no new generation').to.equal(2);
  });

  it('keeps what other managers wrote, and the time of a status that stays', async () => {
    await cluster.apply(policy('strict', 'STRICT'));
    const foreign = {
      type: 'Synced',
      status: 'True',
      reason: 'Ok',
      message: 'by another',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const object = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'strict', namespace: 'foo' },
    };
    const other = { ...object, status: { conditions: [foreign], validationMessages: [{ level: 'INFO' }] } };
    await cluster.client.apply(`${peers}/strict/status`, other, { fieldManager: 'another' });
    await using replica = new Replica(cluster, 'cp-1', true);
    await replica.hasRead('strict', 1);
    await says(`${peers}/strict`, {
      Synced: 'True Ok@undefined: by another',
      Enforced: 'Unknown NoProxies@1: selects no connected proxy',
    });
    const managed = (await read('strict')).metadata as {
      readonly managedFields?: readonly { readonly manager: string }[];
    };
    const own = managed.managedFields?.find(({ manager }) => manager === 'coxswain-status');
    expect(JSON.stringify(own)).to.contain('Enforced').and.not.contain('Synced');
    const before = (await read('strict'))['status'] as {
      conditions: readonly { type: string; lastTransitionTime: string }[];
    };
    expect(before).to.deep.include({ validationMessages: [{ level: 'INFO' }] });
    replica.connect('web-1');
    replica.answer('web-1');
    await says(`${peers}/strict`, { Enforced: 'True Enforced@1: on 1 of 1 proxies' });
    const after = (await read('strict'))['status'] as typeof before;
    const times = (of: typeof before) =>
      Object.fromEntries(of.conditions.map((each) => [each.type, each.lastTransitionTime]));
    expect(times(after)['Accepted']).to.equal(times(before)['Accepted']);
    expect(times(after)['Synced']).to.equal('2026-01-01T00:00:00Z');
  });

  it('makes no further write of a write', async () => {
    await using replica = new Replica(cluster, 'cp-1', true);
    await cluster.apply(policy('strict', 'STRICT'));
    replica.connect('web-1');
    await replica.hasRead('strict', 1);
    replica.answer('web-1');
    await says(`${peers}/strict`, { Enforced: 'True Enforced@1: on 1 of 1 proxies' });
    const before = replica.written.filter((name) => name === 'strict').length;
    // The watch tells of this too, and it must move nothing.
    await cluster.kubectl(['annotate', 'pa/strict', '-n', 'foo', 'note=1']);
    // Longer than any write may be put off; the end of it shows in another object, which is written then.
    for (const name of ['one', 'two']) {
      await cluster.apply(policy(name, 'STRICT'));
      await replica.hasRead(name, 1);
      await says(`${peers}/${name}`, { Accepted: 'True Valid@1: the object is valid' });
    }
    expect(replica.written.filter((name) => name === 'strict')).to.have.length(before);
    expect(before).to.be.at.most(2);
  });

  it('goes on where the API server was away, with what is true then', async () => {
    await using replica = new Replica(cluster, 'cp-1', true);
    await cluster.apply(policy('strict', 'STRICT'));
    replica.connect('web-1');
    await replica.hasRead('strict', 1);
    await says(`${peers}/strict`, { Enforced: 'False Pending@1: on 0 of 1 proxies, 1 pending' });
    await cluster.killApiServer();
    replica.answer('web-1');
    await eventually('a write to fail', () => (replica.written.length > 1 ? true : undefined));
    await cluster.startApiServer();
    await says(`${peers}/strict`, { Enforced: 'True Enforced@1: on 1 of 1 proxies' });
  });

  it('says what is wrong with an object that the schema let in', async () => {
    await using replica = new Replica(cluster, 'cp-1', true);
    const spec = {
      selector: { matchLabels: { app: 'web' } },
      action: 'CUSTOM',
      provider: { name: 'opa' },
      rules: [{}],
    };
    const custom = JSON.parse(manifest('AuthorizationPolicy', 'custom', spec));
    custom.metadata.annotations = { 'istio.io/dry-run': 'true' };
    await cluster.apply(JSON.stringify(custom));
    replica.connect('web-1');
    await says('/apis/security.istio.io/v1/namespaces/foo/authorizationpolicies/custom', {
      Accepted:
        'False Invalid@1: metadata.annotations["istio.io/dry-run"]: a dry run of action CUSTOM is not possible (hint: only ALLOW and DENY can be tried). until this is fixed nothing is enforced by this policy: a dry run decides nothing',
      Enforced: 'False NotInForce@1: nothing of this is in force',
    });
  });

  it('keeps the conditions of others under a CRD that says nothing of conditions', async () => {
    const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/requestauthentications.security.istio.io';
    const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const { spec } = (await cluster.client.get(crd)) as { readonly spec?: { readonly versions: readonly object[] } };
    const patch = (spec?.versions ?? []).map((_, index) => ({
      op: 'replace',
      path: `/spec/versions/${index}/schema/openAPIV3Schema/properties/status`,
      value: free,
    }));
    await cluster.client.request('PATCH', crd, { body: patch, contentType: 'application/json-patch+json' });
    await eventually('the schema to be known', async () => {
      const openapi = await cluster.client.request('GET', '/openapi/v3/apis/security.istio.io/v1');
      const ours = JSON.stringify(openapi).split('RequestAuthentication":{')[1] ?? '';
      return ours !== '' && !ours.split('"kind":"RequestAuthentication"')[0]?.includes('list-type":"map')
        ? true
        : undefined;
    });
    const jwtRules = [{ issuer: 'a', jwksUri: 'https://a.example/jwks' }];
    await cluster.apply(manifest('RequestAuthentication', 'jwt', { jwtRules }));
    const path = '/apis/security.istio.io/v1/namespaces/foo/requestauthentications/jwt';
    const conditions = [{ type: 'Synced', status: 'True', reason: 'Ok', message: 'by another' }];
    const object = { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata: { name: 'jwt' } };
    await cluster.client.apply(`${path}/status`, { ...object, status: { conditions } }, { fieldManager: 'another' });
    await using _replica = new Replica(cluster, 'cp-1', true);
    await eventually('both', async () => (Object.keys(await said(path)).length === 3 ? true : undefined));
    expect(Object.keys(await said(path)).sort()).to.deep.equal(['Accepted', 'Enforced', 'Synced']);
  });

  it('adds up two replicas, and forgets one that ends', async () => {
    await using leader = new Replica(cluster, 'cp-1', true);
    await cluster.apply(policy('strict', 'STRICT'));
    const other = new Replica(cluster, 'cp-2', false);
    try {
      await Promise.all([leader.hasRead('strict', 1), other.hasRead('strict', 1)]);
      leader.connect('web-1');
      leader.answer('web-1');
      other.connect('web-2');
      await says(`${peers}/strict`, { Enforced: 'False Pending@1: on 1 of 2 proxies, 1 pending' });
      other.answer('web-2');
      await says(`${peers}/strict`, { Enforced: 'True Enforced@1: on 2 of 2 proxies' });
    } finally {
      await other[Symbol.asyncDispose]();
    }
    await leaves(cluster, 'coxswain-replica-cp-2');
    leader.connect('web-3');
    await says(`${peers}/strict`, { Enforced: 'False Pending@1: on 1 of 2 proxies, 1 pending' });
  });
});

async function leaves(cluster: KubeCluster, name: string): Promise<void> {
  const { stdout } = await cluster.kubectl([
    'get',
    'cm',
    '-n',
    root,
    '-l',
    'coxswain.io/replica-report=true',
    '-o',
    'name',
  ]);
  expect(stdout).to.not.contain(name);
}
