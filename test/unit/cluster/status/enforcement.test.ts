import { expect } from 'chai';
import fc from 'fast-check';
import { Enforcement } from '../../../../src/cluster/status/enforcement.ts';
import type { Spread, ViewFacts } from '../../../../src/cluster/status/facts.ts';
import type { ProxyFacts } from '../../../../src/cluster/status/proxies.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { Store } from '../../../../src/snapshot/store.ts';
import { authorizationPolicy, peerAuthentication, pod } from '../../../support/objects.ts';
import { ofGeneration, proxy, spread, view } from '../../../support/status-facts.ts';

const web = view('foo', { app: 'web' });
const api = view('foo', { app: 'api' });
const bar = view('bar');
const key = 'AuthorizationPolicy/foo/web';
const webPolicy = (generation: number) =>
  ofGeneration(authorizationPolicy('foo', 'web', 'ALLOW', [{}], { app: 'web' }), generation);
const uid = 'uid of web';

/** A store, and the counts of its policies over some proxies. */
class World {
  readonly store = new Store(defaultMesh);
  readonly enforcement = new Enforcement();
  views: readonly ViewFacts[] = [web, api, bar];
  #edits = 0;

  apply(...objects: readonly MeshObject[]): number {
    return this.store.commit(objects.map((object) => ({ type: 'apply', object }))).snapshot.generation;
  }

  /** A change that has nothing to do with policies. */
  unrelated(): number {
    this.#edits += 1;
    return this.apply(pod('foo', 'other-1', `10.0.0.${this.#edits}`));
  }

  spread(...proxies: readonly ProxyFacts[]) {
    return this.enforcement.spread({ snapshot: this.store.snapshot, views: this.views, proxies });
  }

  of(policy: string, ...proxies: readonly ProxyFacts[]) {
    const { applied, enforced, rejected, overridden } = this.spread(...proxies).get(policy) ?? spread('missing');
    return { applied, enforced, rejected, overridden };
  }
}

describe('enforcement', () => {
  it('counts the proxies that a policy applies to, and those that have acknowledged its generation', () => {
    const world = new World();
    const since = world.apply(webPolicy(3));
    const proxies = [
      proxy('a', web, since),
      proxy('b', web, since - 1),
      proxy('c', api, since),
      proxy('d', bar, since),
    ];
    expect(world.spread(...proxies).get(key)).to.deep.equal(
      spread(key, { uid, generation: 3, applied: 2, enforced: 1 }),
    );
  });

  it('has policies that select nobody', () => {
    const world = new World();
    world.apply(webPolicy(1));
    expect(world.spread(proxy('c', api, 9)).get(key)).to.deep.equal(spread(key, { uid }));
  });

  it('is not taken back by unrelated changes that are under way', () => {
    const world = new World();
    const since = world.apply(webPolicy(1));
    expect(world.of(key, proxy('a', web, since))).to.include({ applied: 1, enforced: 1 });
    for (let i = 0; i < 5; i++) {
      world.unrelated();
      expect(world.of(key, proxy('a', web, since))).to.include({ applied: 1, enforced: 1 });
    }
  });

  it('begins anew with a new generation, a new object of the name and new mesh settings, but not with new labels', () => {
    const world = new World();
    const first = world.apply(webPolicy(1));
    expect(world.of(key, proxy('a', web, first)).enforced).to.equal(1);
    world.apply(ofGeneration(webPolicy(1), 1, { labels: { team: 'a' } }));
    expect(world.of(key, proxy('a', web, first)).enforced).to.equal(1);
    const second = world.apply(webPolicy(2));
    expect(world.of(key, proxy('a', web, first)).enforced).to.equal(0);
    expect(world.of(key, proxy('a', web, second)).enforced).to.equal(1);
    const third = world.apply(ofGeneration(webPolicy(2), 2, { uid: 'another' }));
    expect(world.of(key, proxy('a', web, second)).enforced).to.equal(0);
    expect(world.of(key, proxy('a', web, third)).enforced).to.equal(1);
    const fourth = world.store.setMesh({ ...defaultMesh, enableAutoMtls: false }).generation;
    expect(world.of(key, proxy('a', web, third)).enforced).to.equal(0);
    expect(world.of(key, proxy('a', web, fourth)).enforced).to.equal(1);
  });

  it('counts a proxy that refuses something as rejecting what came at that time or later, and nothing older', () => {
    const world = new World();
    const since = world.apply(webPolicy(1));
    world.spread(proxy('a', web, since), proxy('b', web, since));
    world.apply(ofGeneration(peerAuthentication('foo', 'strict', 'STRICT'), 1));
    const found = world.spread(proxy('a', web, since, 'no\nsuch  filter'), proxy('b', web, since + 1));
    expect(found.get(key)).to.deep.equal(spread(key, { uid, applied: 2, enforced: 2 }));
    expect(found.get('PeerAuthentication/foo/strict')).to.deep.equal(
      spread('PeerAuthentication/foo/strict', {
        uid: 'uid of strict',
        applied: 2,
        enforced: 1,
        rejected: 1,
        refusals: [{ proxy: 'a.foo', words: 'no such filter' }],
      }),
    );
  });

  it('names three of those that refuse, by name, with bounded words', () => {
    const world = new World();
    world.apply(webPolicy(1));
    const words = 'x'.repeat(1_000);
    const found = world.spread(...['d', 'b', 'c', 'a'].map((id) => proxy(id, web, 0, words))).get(key);
    expect(found?.rejected).to.equal(4);
    expect(found?.refusals.map((each) => [each.proxy, each.words.length])).to.deep.equal([
      ['a.foo', 256],
      ['b.foo', 256],
      ['c.foo', 256],
    ]);
  });

  it('waits for a proxy that a policy has come to select, though it acknowledged newer things than the policy', () => {
    const world = new World();
    const since = world.apply(webPolicy(1));
    const before = world.unrelated();
    expect(world.of(key, proxy('a', api, before)).applied).to.equal(0);
    const moved = world.unrelated();
    expect(moved).to.be.greaterThan(since);
    expect(world.of(key, proxy('a', web, before))).to.include({ applied: 1, enforced: 0 });
    expect(world.of(key, proxy('a', web, moved))).to.include({ applied: 1, enforced: 1 });
  });

  it('keeps what holds when a proxy moves to another view that the policy selects too', () => {
    const world = new World();
    const since = world.apply(webPolicy(1));
    world.spread(proxy('a', web, since));
    const next = view('foo', { app: 'web', version: 'v1' });
    world.views = [next];
    world.unrelated();
    expect(world.of(key, proxy('a', next, since))).to.include({ applied: 1, enforced: 1 });
    world.unrelated();
    expect(world.of(key, proxy('a', next, since))).to.include({ applied: 1, enforced: 1 });
  });

  it('tells where an older policy holds instead', () => {
    const world = new World();
    const older = { ...peerAuthentication('foo', 'older', 'STRICT', { createdAt: 1 }) };
    const since = world.apply(older, peerAuthentication('foo', 'younger', 'DISABLE', { createdAt: 2 }));
    const proxies = [proxy('a', web, since), proxy('b', api, since)];
    expect(world.of('PeerAuthentication/foo/older', ...proxies)).to.include({ applied: 2, overridden: 0 });
    expect(world.of('PeerAuthentication/foo/younger', ...proxies)).to.include({ applied: 0, overridden: 2 });
  });

  it('costs groups of proxies alike, not proxies', () => {
    const world = new World();
    const policies = Array.from({ length: 500 }, (_, i) =>
      ofGeneration(authorizationPolicy('foo', `p${i}`, 'ALLOW', [{}]), 1),
    );
    const since = world.apply(...policies);
    const proxies = Array.from({ length: 2_000 }, (_, i) => proxy(`p${i}`, i % 2 === 0 ? web : api, since));
    world.spread(...proxies);
    const started = performance.now();
    const found = world.spread(...proxies);
    // Policies times proxies would be a million steps.
    expect(performance.now() - started).to.be.lessThan(250);
    expect(found.get('AuthorizationPolicy/foo/p499')).to.include({ applied: 2_000, enforced: 2_000 });
  });

  it('adds up, and stays between what must and what can be enforced, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const run = new Run();
        for (const each of events) {
          run.take(each);
          for (const one of run.world.spread(...run.proxies.values()).values()) run.check(one);
        }
      }),
    );
  });
});

const views = [web, api, bar, view('foo', { app: 'web', version: 'v1' })];
const event = fc.oneof(
  fc.record({
    kind: fc.constant('policy' as const),
    scope: fc.constantFrom('foo', 'bar', 'istio-system'),
    name: fc.constantFrom('web', 'all'),
    generation: fc.nat(5),
  }),
  fc.record({ kind: fc.constant('unrelated' as const) }),
  fc.record({
    kind: fc.constant('proxy' as const),
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    view: fc.constantFrom(...views),
    lag: fc.nat(4),
    refused: fc.boolean(),
  }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** One course of events, and what a count proxy by proxy says of it. */
class Run {
  readonly world = new World();
  readonly proxies = new Map<string, ProxyFacts>();
  readonly #since = new Map<string, { readonly generation: number; readonly since: number }>();

  constructor() {
    this.world.views = views;
  }

  take(each: Event): void {
    if (each.kind === 'unrelated') this.world.unrelated();
    if (each.kind === 'policy') {
      const labels: Record<string, string> = each.name === 'web' ? { app: 'web' } : {};
      const policy = authorizationPolicy(each.scope, each.name, 'ALLOW', [{}], labels);
      const since = this.world.apply(ofGeneration(policy, each.generation));
      const policyKey = `AuthorizationPolicy/${each.scope}/${each.name}`;
      if (this.#since.get(policyKey)?.generation !== each.generation) {
        this.#since.set(policyKey, { generation: each.generation, since });
      }
    }
    if (each.kind === 'proxy') {
      const generation = Math.max(0, this.world.store.snapshot.generation - each.lag);
      this.proxies.set(each.id, proxy(each.id, each.view, generation, each.refused ? 'no' : ''));
    }
  }

  check(one: Spread): void {
    const [, namespace = '', name = ''] = one.key.split('/');
    const selected = [...this.proxies.values()].filter((candidate) => {
      const of = views.find(({ id }) => id === candidate.view) ?? web;
      const scope = namespace === 'istio-system' || namespace === of.namespace;
      return scope && (name !== 'web' || of.labels['app'] === 'web');
    });
    const since = this.#since.get(one.key)?.since ?? 0;
    const inSync = selected.filter(({ generation }) => generation === this.world.store.snapshot.generation);
    const late = selected.filter(({ generation }) => generation < since);
    expect(one.applied).to.equal(selected.length);
    expect(one.applied - one.enforced - one.rejected).to.be.at.least(0);
    expect(one.enforced).to.be.at.least(inSync.length);
    expect(one.enforced).to.be.at.most(selected.length - late.length);
    expect(one.rejected).to.be.at.least(late.filter(({ refused }) => refused !== '').length);
    expect(one.refusals.length).to.equal(Math.min(3, one.rejected));
  }
}
