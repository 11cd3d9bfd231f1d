import { expect } from 'chai';
import { followKind } from '../../../../src/config/kubernetes/follow-kind.ts';
import { type WatchedKind, watchedKinds } from '../../../../src/config/kubernetes/kinds.ts';
import { Discovery } from '../../../../src/config/kubernetes/served-version.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';
import type { ReflectEvent } from '../../../../src/kube/reflector.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { ScriptedKube, statusError, Taken } from '../../../support/scripted-kube.ts';

const policies: WatchedKind = {
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  versions: ['v1', 'v1beta1'],
  builtIn: false,
  required: true,
  fieldSelector: undefined,
};
const group = '/apis/security.istio.io';

const item = (name: string, resourceVersion = '1'): KubeObject => ({
  metadata: { name, namespace: 'foo', resourceVersion },
});
const list = (...items: readonly KubeObject[]): object => ({ metadata: { resourceVersion: '10' }, items });
const gone = (name: string): ReflectEvent => ({ type: 'delete', namespace: 'foo', name });

class World {
  readonly kube = new ScriptedKube();
  readonly taken: Taken<readonly ReflectEvent[]>;

  constructor(kind = policies) {
    const { signal } = new AbortController();
    const discovery = new Discovery(this.kube, signal);
    const options = { client: this.kube, discovery, clock: this.kube.clock, random: () => 0, log: silentLogger };
    this.taken = new Taken(followKind(kind, options, signal));
  }

  /** Answers what is served: the versions of the group, and which of them have the kind. */
  async serve(versions: readonly string[], having: readonly string[], within = 20_000): Promise<void> {
    const { asked } = await this.kube.nextWithin(within);
    expect(asked.path).to.equal(group);
    asked.answer({ kind: 'APIGroup', versions: versions.map((version) => ({ version })) });
    const known = ['v1', 'v1beta1'].filter((each) => versions.includes(each));
    for (const version of new Set([...known, ...versions])) {
      const resources = having.includes(version) ? [{ name: 'peerauthentications' }, { name: 'x' }] : [{ name: 'x' }];
      const { asked: next } = await this.kube.nextWithin(0);
      expect(next.path).to.equal(`${group}/${version}`);
      next.answer({ kind: 'APIResourceList', resources });
      if (having.includes(version)) return;
    }
  }
}

const names = (events: readonly ReflectEvent[] | undefined): readonly string[] =>
  (events ?? []).map((event) => (event.type === 'put' ? `put ${event.object.metadata.name}` : event.type));

describe('following a kind', () => {
  it('asks for no Secrets of types that hold no certificate', async () => {
    const { kube, taken } = new World(watchedKinds.find(({ kind }) => kind === 'Secret'));
    void taken.next();
    const asked = await kube.next();
    const never = String(asked.query['fieldSelector']).split(',');
    expect(asked.path).to.equal('/api/v1/secrets');
    expect(never).to.include.members(['type!=kubernetes.io/service-account-token', 'type!=helm.sh/release.v1']);
    expect(never.filter((each) => /=(Opaque|kubernetes\.io\/tls)$/.test(each))).to.deep.equal([]);
  });

  it('needs no discovery for what every API has', async () => {
    const pods = watchedKinds.find(({ kind }) => kind === 'Pod');
    const { kube, taken } = new World(pods);
    const first = taken.next();
    const asked = await kube.next();
    expect(asked.path).to.equal('/api/v1/pods');
    asked.answer(list(item('a')));
    expect(names(await first)).to.deep.equal(['put a']);
  });

  for (const [served, having, chosen] of [
    [['v1beta1', 'v1'], ['v1', 'v1beta1'], 'v1'],
    [['v1', 'v1beta1'], ['v1beta1'], 'v1beta1'],
    [['v2', 'v1beta1'], ['v2', 'v1beta1'], 'v1beta1'],
    [['v2'], ['v2'], 'v2'],
  ] as const) {
    it(`reads ${chosen} where ${served.join(', ')} are served, and ${having.join(', ')} with the kind`, async () => {
      const world = new World();
      void world.taken.next();
      await world.serve(served, having);
      expect((await world.kube.next()).path).to.equal(`${group}/${chosen}/peerauthentications`);
    });
  }

  it('waits for a CRD, and starts once it is there', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    (await kube.next()).fail(statusError('not-found'));
    expect(await first).to.deep.equal([{ type: 'absent' }]);
    const second = taken.next();
    const waits: number[] = [];
    for (let look = 0; look < 4; look++) {
      const { asked, after } = await kube.nextWithin(20_000);
      waits.push(after);
      if (look < 3) asked.fail(statusError('not-found'));
      else asked.answer({ versions: [{ version: 'v1' }] });
    }
    expect(waits).to.deep.equal([2_000, 4_000, 8_000, 10_000]);
    (await kube.next()).answer({ resources: [{ name: 'peerauthentications' }] });
    (await kube.next()).answer(list(item('a')));
    expect(names(await second)).to.deep.equal(['put a']);
    expect(names(await taken.next())).to.deep.equal(['synced']);
  });

  it('says that a kind is absent whose group has others only', async () => {
    const world = new World();
    const first = world.taken.next();
    await world.serve(['v1'], []);
    expect(await first).to.deep.equal([{ type: 'absent' }]);
  });

  it('moves to another version without letting anything go that is there still', async () => {
    const world = new World();
    const first = world.taken.next();
    await world.serve(['v1beta1'], ['v1beta1']);
    (await world.kube.next()).answer(list(item('a'), item('b')));
    expect(names(await first)).to.deep.equal(['put a', 'put b']);
    expect(names(await world.taken.next())).to.deep.equal(['synced']);
    const next = world.taken.next();
    (await world.kube.next()).fail(statusError('not-found'));
    // The reflector's second look, then ours.
    (await world.kube.nextWithin(20_000)).asked.fail(statusError('not-found'));
    await world.serve(['v1'], ['v1']);
    const again = await world.kube.next();
    expect(again.path).to.equal(`${group}/v1/peerauthentications`);
    again.answer(list(item('b'), item('c')));
    expect(names(await next)).to.deep.equal(['put b', 'put c']);
    expect(await world.taken.next()).to.deep.equal([gone('a'), { type: 'synced' }]);
  });

  it('lets everything go once the CRD is gone', async () => {
    const world = new World();
    const first = world.taken.next();
    await world.serve(['v1'], ['v1']);
    (await world.kube.next()).answer(list(item('a'), item('b')));
    await first;
    await world.taken.next();
    const next = world.taken.next();
    (await world.kube.next()).fail(statusError('not-found'));
    (await world.kube.nextWithin(20_000)).asked.fail(statusError('not-found'));
    (await world.kube.nextWithin(20_000)).asked.fail(statusError('not-found'));
    expect(await next).to.deep.equal([gone('a'), gone('b'), { type: 'absent' }]);
  });

  it('lets nothing go while it can not be asked what is served', async () => {
    const world = new World();
    const first = world.taken.next();
    await world.serve(['v1'], ['v1']);
    (await world.kube.next()).answer(list(item('a')));
    await first;
    await world.taken.next();
    const next = world.taken.next();
    (await world.kube.next()).fail(statusError('not-found'));
    (await world.kube.nextWithin(20_000)).asked.fail(statusError('not-found'));
    for (const wait of [2_000, 800, 1_600]) {
      const { asked, after } = await world.kube.nextWithin(20_000);
      expect([asked.path, after]).to.deep.equal([group, wait]);
      asked.fail(statusError('unavailable'));
    }
    await world.serve(['v1'], ['v1']);
    (await world.kube.next()).answer(list(item('a'), item('b', '2')));
    expect(names(await next)).to.deep.equal(['put a', 'put b']);
  });
});

describe('kinds of a cluster', () => {
  it('are all that have a reader, and the policies that are only reported', () => {
    expect(watchedKinds.filter(({ required }) => required).map(({ plural }) => plural)).to.include.members([
      'namespaces',
      'serviceaccounts',
      'services',
      'pods',
      'workloadentries',
      'endpointslices',
      'peerauthentications',
      'requestauthentications',
      'authorizationpolicies',
    ]);
    expect(watchedKinds.filter(({ required }) => !required).map(({ plural }) => plural)).to.include.members([
      'policies',
      'meshpolicies',
      'serviceroles',
      'servicerolebindings',
      'clusterrbacconfigs',
      'rbacconfigs',
    ]);
  });
});
