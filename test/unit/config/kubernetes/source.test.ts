import { expect } from 'chai';
import { collectionPath, type WatchedKind, watchedKinds } from '../../../../src/config/kubernetes/kinds.ts';
import { kubernetesSource } from '../../../../src/config/kubernetes/source.ts';
import type { SourceEvent } from '../../../../src/config/source.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import {
  type OpenWatch,
  ScriptedKube,
  statusError,
  Taken,
  turnOfLoop,
  watchLine,
} from '../../../support/scripted-kube.ts';

const builtIn = watchedKinds.filter((kind) => kind.builtIn);
const pathOf = (kind: WatchedKind): string => collectionPath(kind, kind.versions[0] ?? 'v1');

const namespace = (name: string, resourceVersion = '1'): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, uid: name, resourceVersion },
});

function short(events: readonly SourceEvent[] | undefined): readonly string[] {
  return (events ?? []).map((event) => {
    switch (event.type) {
      case 'apply':
        return `apply ${event.object.kind} ${event.object.meta.name}`;
      case 'delete':
        return `delete ${event.ref.kind} ${event.ref.name}`;
      case 'reset':
        return `reset ${event.objects.map(({ kind, meta }) => `${kind} ${meta.name}`).join(', ')}`;
      case 'findings':
        return `findings ${event.scope}: ${event.findings.map(({ code }) => code).join(' ')}`.trim();
      default:
        return event.type;
    }
  });
}

/** A cluster of which a test says what is served; everything that is asked is answered from that. */
class World {
  readonly kube = new ScriptedKube();
  readonly stop = new AbortController();
  readonly source = kubernetesSource({
    client: this.kube,
    cluster: 'east',
    clock: this.kube.clock,
    random: () => 0,
    log: silentLogger,
  });
  readonly taken = new Taken(this.source.events(this.stop.signal));
  readonly watches = new Map<string, OpenWatch>();
  /** Items by collection; what is not here is 404. */
  readonly served = new Map<string, readonly object[]>(builtIn.map((kind) => [pathOf(kind), []]));
  readonly groups = new Map<string, object>();

  /** Answers until nothing more is asked. */
  async answerAll(except: readonly string[] = []): Promise<void> {
    for (;;) {
      let asked: Awaited<ReturnType<ScriptedKube['next']>>;
      try {
        asked = await this.kube.next();
      } catch {
        return;
      }
      const { path } = asked;
      const items = this.served.get(path);
      const document = this.groups.get(path);
      if (except.includes(path)) continue;
      if (asked.kind === 'watch') this.watches.set(path, asked.open());
      else if (document !== undefined) asked.answer(document);
      else if (items !== undefined) asked.answer({ metadata: { resourceVersion: '10' }, items });
      else asked.fail(statusError('not-found'));
    }
  }

  /** Serves a collection of custom resources. */
  serveCustom(group: string, version: string, plural: string, items: readonly object[]): void {
    this.groups.set(`/apis/${group}`, { versions: [{ version }] });
    this.groups.set(`/apis/${group}/${version}`, { resources: [{ name: plural }] });
    this.served.set(`/apis/${group}/${version}/${plural}`, items);
  }
}

const strict = (name: string, mode = 'STRICT', resourceVersion = '1'): object => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name, namespace: 'foo', uid: name, resourceVersion },
  spec: { mtls: { mode } },
  status: { conditions: [{ type: 'Accepted', status: 'True' }] },
});
const policyPath = '/apis/security.istio.io/v1/peerauthentications';

describe('kubernetes source', () => {
  it('says everything in one batch, once each kind is listed or absent', async () => {
    const world = new World();
    world.served.set('/api/v1/namespaces', [namespace('foo')]);
    world.serveCustom('security.istio.io', 'v1', 'peerauthentications', [strict('a'), strict('b', 'STRIC')]);
    const first = world.taken.next();
    let early = true;
    void first.then(() => {
      early = false;
    });
    await world.answerAll(['/api/v1/pods']);
    expect([early, world.source.pending]).to.deep.equal([true, ['Pod']]);
    // That answer never comes: after 30 s the list is asked for again in a real client; here the test answers by hand.
    world.stop.abort();
    expect(await first).to.equal(undefined);

    const whole = new World();
    whole.served.set('/api/v1/namespaces', [namespace('foo')]);
    whole.serveCustom('security.istio.io', 'v1', 'peerauthentications', [strict('a'), strict('b', 'STRIC')]);
    const all = whole.taken.next();
    await whole.answerAll();
    expect(short(await all)).to.deep.equal([
      'reset Namespace foo, PeerAuthentication a, PeerAuthentication b',
      'findings PeerAuthentication/foo/b: bad-value fails-closed',
      'synced',
    ]);
    expect(whole.source.pending).to.deep.equal([]);
  });

  it('then says what changes, in the batches of the server, and nothing for a change of status', async () => {
    const world = new World();
    world.serveCustom('security.istio.io', 'v1', 'peerauthentications', [strict('a')]);
    const first = world.taken.next();
    await world.answerAll();
    await first;
    let next = world.taken.next();
    await world.answerAll();
    world.watches.get(policyPath)?.send(watchLine('MODIFIED', strict('a', 'STRICT', '11')));
    world.watches
      .get(policyPath)
      ?.send(watchLine('MODIFIED', strict('a', 'DISABLE', '12')) + watchLine('ADDED', strict('b', 'STRICT', '13')));
    expect(short(await next)).to.deep.equal(['apply PeerAuthentication a', 'apply PeerAuthentication b']);
    next = world.taken.next();
    await turnOfLoop();
    world.watches.get('/api/v1/namespaces')?.send(watchLine('ADDED', namespace('foo', '14')));
    world.watches.get(policyPath)?.send(watchLine('DELETED', strict('a', 'DISABLE', '15')));
    const events = [...short(await next)];
    if (events.length < 2) events.push(...short(await world.taken.next()));
    expect(events).to.have.members(['apply Namespace foo', 'delete PeerAuthentication a']);
  });

  it('takes nothing away while the API can not be reached', async () => {
    const world = new World();
    world.served.set('/api/v1/namespaces', [namespace('foo')]);
    const first = world.taken.next();
    await world.answerAll();
    await first;
    const next = world.taken.next();
    await world.answerAll();
    for (const watch of world.watches.values()) watch.break();
    for (let failures = 0; failures < 30; failures++)
      (await world.kube.nextWithin(60_000)).asked.fail(statusError('unavailable'));
    world.watches.clear();
    for (let answers = 0; answers < 60 && !world.watches.has('/api/v1/namespaces'); answers++) {
      const { asked } = await world.kube.nextWithin(60_000);
      if (asked.kind === 'watch') world.watches.set(asked.path, asked.open());
      else asked.fail(statusError('not-found'));
    }
    world.watches.get('/api/v1/namespaces')?.send(watchLine('ADDED', namespace('bar', '20')));
    expect(short(await next)).to.deep.equal(['apply Namespace bar']);
  });

  it('reports policies that are not supported, and waits for none of them', async () => {
    const world = new World();
    const jwt = { metadata: { name: 'jwt', namespace: 'foo', uid: 'j', resourceVersion: '2' } };
    world.serveCustom('rbac.istio.io', 'v1alpha1', 'serviceroles', [
      { apiVersion: 'rbac.istio.io/v1alpha1', kind: 'ServiceRole', ...jwt },
    ]);
    const first = world.taken.next();
    const path = '/apis/rbac.istio.io/v1alpha1/serviceroles';
    await world.answerAll([path]);
    expect(short(await first)).to.deep.equal(['reset ', 'synced']);

    const whole = new World();
    whole.served.set(path, world.served.get(path) ?? []);
    for (const [key, document] of world.groups) whole.groups.set(key, document);
    const all: string[] = [];
    const batch = whole.taken.next();
    await whole.answerAll();
    all.push(...short(await batch));
    if (all.length === 2) all.push(...short(await whole.taken.next()));
    expect(all).to.include('findings ServiceRole/foo/jwt: kind-not-supported');
  });

  it('ends with the signal, and when it is disposed of', async () => {
    for (const how of ['signal', 'dispose'] as const) {
      const world = new World();
      const first = world.taken.next();
      await world.answerAll();
      await first;
      const next = world.taken.next();
      if (how === 'signal') world.stop.abort();
      else await world.source[Symbol.asyncDispose]();
      expect(await next).to.equal(undefined);
    }
  });
});
