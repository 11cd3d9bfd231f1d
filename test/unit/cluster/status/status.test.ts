import { expect } from 'chai';
import type { StreamFacts, ViewFacts } from '../../../../src/cluster/status/facts.ts';
import { reportText } from '../../../../src/cluster/status/report-text.ts';
import { type Status, startStatus } from '../../../../src/cluster/status/status.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { Store } from '../../../../src/snapshot/store.ts';
import { peerAuthentication } from '../../../support/objects.ts';
import { ofGeneration, spread, stream, view } from '../../../support/status-facts.ts';
import { advance, kindPath, reportsPath, said, statusKube, stored } from '../../../support/status-kube.ts';

const web = view('foo', { app: 'web' });
const strict = (generation: number) => ofGeneration(peerAuthentication('foo', 'strict', 'STRICT'), generation);
const key = 'foo/strict';
const valid = 'True Valid@1: the object is valid';

/** One replica that leads, over a fake cluster; `apply` changes object and snapshot together. */
class World implements AsyncDisposable {
  readonly store = new Store(defaultMesh);
  readonly kube = statusKube();
  streams: readonly StreamFacts[] = [];
  views: readonly ViewFacts[] = [web];
  findings: readonly Finding[] = [];
  hidden: ReadonlySet<string> = new Set();
  readonly status: Status;
  readonly #stop = new AbortController();
  #leading: Promise<void> | undefined;

  constructor() {
    const { kube, clock } = this.kube;
    const options = { client: kube, namespace: 'istio-system', replica: 'cp-1', podUid: undefined, clock };
    const sources = {
      snapshot: () => this.store.snapshot,
      views: () => this.views,
      streams: () => this.streams,
      findings: () => this.findings,
      hidden: () => this.hidden,
    };
    this.status = startStatus({ ...options, sources, random: () => 0.5, log: silentLogger });
  }

  lead(): void {
    this.#leading = this.status.lead(this.#stop.signal);
  }

  get generation(): number {
    return this.store.snapshot.generation;
  }

  apply(...objects: readonly MeshObject[]): void {
    this.store.commit(objects.map((object) => ({ type: 'apply', object })));
    this.status.configurationChanged();
  }

  move(...streams: readonly StreamFacts[]): void {
    this.streams = streams;
    this.status.streamsMoved();
  }

  put(generation: number, conditions: readonly object[] = []): void {
    this.kube.kube.put(kindPath.PeerAuthentication, stored('foo', 'strict', generation, conditions));
  }

  async advance(ms: number): Promise<void> {
    await advance(this.kube.clock, ms);
  }

  get said(): Readonly<Record<string, string>> {
    return said(this.kube.kube, 'PeerAuthentication', key);
  }

  get statusWrites(): number {
    return this.kube.kube.writes.filter(({ path }) => path.endsWith('/status')).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#leading;
    await this.status[Symbol.asyncDispose]();
  }
}

describe('status', () => {
  it('says of a policy whose namespace is left out that nothing is enforced by it, and takes it back', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, world.generation));
    await world.advance(15_000);
    const enforced = { Accepted: valid, Enforced: 'True Enforced@1: on 1 of 1 proxies' };
    expect(world.said).to.deep.equal(enforced);
    world.hidden = new Set(['foo']);
    world.status.configurationChanged();
    await world.advance(15_000);
    expect(world.said['Enforced']).to.match(/^False NotSelected@1: .*discoverySelectors/);
    world.hidden = new Set();
    world.status.configurationChanged();
    await world.advance(15_000);
    expect(world.said).to.deep.equal(enforced);
  });

  it('follows a policy from pending to enforced, and an edit', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, 0), stream('b', web, world.generation));
    await world.advance(2_000);
    expect(world.said).to.deep.equal({ Accepted: valid, Enforced: 'False Pending@1: on 1 of 2 proxies, 1 pending' });
    world.move(stream('a', web, world.generation), stream('b', web, world.generation));
    await world.advance(3_000);
    expect(world.said).to.deep.equal({ Accepted: valid, Enforced: 'True Enforced@1: on 2 of 2 proxies' });
    const before = world.generation;
    world.put(2, []);
    world.apply(strict(2));
    world.move(stream('a', web, before, 'bad filter'), stream('b', web, world.generation));
    await world.advance(3_000);
    expect(world.said).to.deep.equal({
      Accepted: 'True Valid@2: the object is valid',
      Enforced: 'False Rejected@2: on 1 of 2 proxies, 1 rejected: a.foo: bad filter',
    });
    const writes = world.statusWrites;
    await world.advance(60_000);
    expect(world.statusWrites, 'a write makes no further write').to.equal(writes);
  });

  it('writes one object four times at most while a thousand proxies acknowledge over five seconds', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    const before = world.generation - 1;
    const streams = Array.from({ length: 1_000 }, (_, i) => stream(`p${i}`, web, before));
    world.move(...streams);
    await world.advance(5_000);
    const start = world.statusWrites;
    for (let step = 1; step <= 50; step++) {
      for (let i = (step - 1) * 20; i < step * 20; i++) streams[i] = stream(`p${i}`, web, world.generation);
      world.move(...streams);
      await world.advance(100);
    }
    await world.advance(5_000);
    expect(world.said['Enforced']).to.equal('True Enforced@1: on 1000 of 1000 proxies');
    expect(world.statusWrites - start).to.be.within(1, 4);
    const reports = world.kube.kube.writes.filter(({ path }) => path.startsWith(reportsPath)).length;
    expect(reports).to.be.within(2, 8);
  });

  it('writes each of a thousand objects three times at most when a mesh-wide edit reaches all proxies', async () => {
    await using world = new World();
    world.lead();
    const policies = Array.from({ length: 300 }, (_, i) => ({
      ...ofGeneration(peerAuthentication('foo', `p${i}`, 'STRICT', { createdAt: i }), 1),
      selector: { matchLabels: { app: 'web' } },
    }));
    for (const { meta } of policies) world.kube.kube.put(kindPath.PeerAuthentication, stored('foo', meta.name, 1));
    world.apply(...policies);
    world.move(...Array.from({ length: 100 }, (_, i) => stream(`p${i}`, web, world.generation)));
    await world.advance(20_000);
    expect(world.statusWrites).to.equal(300);
    expect(said(world.kube.kube, 'PeerAuthentication', 'foo/p0')['Enforced']).to.equal(
      'True Enforced@1: on 100 of 100 proxies',
    );
    const settings = world.store.setMesh({ ...defaultMesh, enableAutoMtls: false });
    world.status.configurationChanged();
    await world.advance(1_000);
    world.move(...Array.from({ length: 100 }, (_, i) => stream(`p${i}`, web, settings.generation)));
    await world.advance(20_000);
    expect(world.statusWrites).to.be.within(300, 302);
  });

  it('says why an object is not accepted, and what holds in its place', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, world.generation));
    await world.advance(2_000);
    const about = {
      object: 'PeerAuthentication/foo/strict',
      origin: { kind: 'cluster', cluster: 'k' },
      hint: '',
    } as const;
    world.findings = [
      { ...about, severity: 'error', code: 'bad-value', field: 'spec.mtls.mode', message: 'unsupported value "X"' },
      {
        ...about,
        severity: 'warning',
        code: 'last-good-kept',
        field: '',
        message: 'its last good state stays in force',
      },
    ];
    world.put(2);
    world.status.configurationChanged();
    await world.advance(3_000);
    expect(world.said).to.deep.equal({
      Accepted: 'False Invalid@2: spec.mtls.mode: unsupported value "X". its last good state stays in force',
      Enforced: 'True Enforced@1: generation 1, the last good one, holds on 1 of 1 proxies',
    });
    world.findings = [];
    world.put(3);
    world.apply(strict(3));
    world.move(stream('a', web, world.generation));
    await world.advance(3_000);
    expect(world.said).to.deep.equal({
      Accepted: 'True Valid@3: the object is valid',
      Enforced: 'True Enforced@3: on 1 of 1 proxies',
    });
  });

  it('says nothing of a generation that it has not read yet', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    await world.advance(2_000);
    const writes = world.statusWrites;
    world.put(2);
    await world.advance(10_000);
    expect(world.statusWrites).to.equal(writes);
  });

  it('adds the reports of other replicas, as long as they are renewed', async () => {
    await using world = new World();
    const other = (enforced: number) => ({
      metadata: { namespace: 'istio-system', name: 'coxswain-replica-cp-2' },
      data: {
        'report.json': reportText([
          spread('PeerAuthentication/foo/strict', { uid: 'uid of strict', applied: 3, enforced }),
        ]),
      },
    });
    world.kube.kube.put(reportsPath, other(1));
    world.lead();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, world.generation));
    await world.advance(2_000);
    expect(world.said['Enforced']).to.equal('False Pending@1: on 2 of 4 proxies, 2 pending');
    world.kube.kube.put(reportsPath, other(3));
    await world.advance(3_000);
    expect(world.said['Enforced']).to.equal('True Enforced@1: on 4 of 4 proxies');
    await world.advance(75_000);
    expect(world.said['Enforced']).to.equal('True Enforced@1: on 1 of 1 proxies');
  });

  it('lets a new leader not take back what holds only because proxies are on their way to it', async () => {
    await using world = new World();
    const about = { observedGeneration: 1, lastTransitionTime: '2025-01-01T00:00:00Z' };
    world.put(1, [
      { ...about, type: 'Accepted', status: 'True', reason: 'Valid', message: 'the object is valid' },
      { ...about, type: 'Enforced', status: 'True', reason: 'Enforced', message: 'on 2 of 2 proxies' },
    ]);
    world.apply(strict(1));
    world.lead();
    await world.advance(5_000);
    world.move(stream('a', web, 0), stream('b', web, world.generation));
    await world.advance(3_000);
    world.move(stream('a', web, world.generation), stream('b', web, world.generation));
    await world.advance(20_000);
    expect(world.statusWrites).to.equal(0);
    world.move(stream('a', web, world.generation));
    await world.advance(31_000);
    expect(world.said['Enforced']).to.equal('True Enforced@1: on 1 of 1 proxies');
  });

  it('is not taken back by proxies that move to this replica', async () => {
    await using world = new World();
    world.lead();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, world.generation));
    await world.advance(3_000);
    const before = world.statusWrites;
    for (let turn = 0; turn < 20; turn++) {
      const moving = { ...stream(`b${turn}`, web, 0), connectedAt: world.kube.clock.now() };
      world.move(stream('a', web, world.generation), moving);
      await world.advance(1_000);
    }
    expect(world.statusWrites).to.equal(before);
    const stuck = { ...stream('stuck', web, 0), connectedAt: world.kube.clock.now() };
    world.move(stream('a', web, world.generation), stuck);
    await world.advance(13_000);
    expect(world.said['Enforced']).to.equal('False Pending@1: on 1 of 2 proxies, 1 pending');
  });

  it('of a replica that does not lead is its report alone', async () => {
    await using world = new World();
    world.put(1);
    world.apply(strict(1));
    world.move(stream('a', web, world.generation));
    await world.advance(5_000);
    expect(world.statusWrites).to.equal(0);
    const report = world.kube.kube.find(reportsPath, 'istio-system/coxswain-replica-cp-1');
    expect(JSON.stringify(report?.['data'])).to.contain('PeerAuthentication/foo/strict');
  });
});
