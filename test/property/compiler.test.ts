import { expect } from 'chai';
import fc from 'fast-check';
import type { SourceEvent } from '../../src/config/source.ts';
import type { Credentials } from '../../src/model/credentials.ts';
import type { TypeUrl } from '../../src/model/ids.ts';
import type { KeySet } from '../../src/model/key-set.ts';
import type { Mesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { objectKey } from '../../src/model/object.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { Layer, Resource } from '../../src/model/resource.ts';
import { pushOrder, shortTypeNames, types } from '../../src/model/type-urls.ts';
import { findWorkload, pinningServices } from '../../src/snapshot/indexes.ts';
import type { ByNamespace, Snapshot } from '../../src/snapshot/snapshot.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { type CompiledProxy, Compiler } from '../../src/translate/compiler.ts';
import { Policies } from '../../src/translate/policies.ts';
import { effectiveGateway } from '../../src/translate/policy/gateway.ts';
import { effectiveInbound } from '../../src/translate/policy/inbound.ts';
import { translate } from '../../src/translate/translate.ts';
import { labelsRead, viewOf } from '../../src/translate/view.ts';
import { anyCustom, anyKeySets, anyMesh, anyObject, firstMesh, proxies } from '../support/universe.ts';
import { anEdge, anyEdge } from '../support/universe-edge.ts';

/** One thing that happens to a running control plane. */
type Step =
  | { readonly kind: 'batch'; readonly events: readonly SourceEvent[] }
  | { readonly kind: 'mesh'; readonly mesh: Mesh }
  | { readonly kind: 'keys'; readonly keySets: ReadonlyMap<string, KeySet> }
  | { readonly kind: 'toggle'; readonly proxy: Proxy };

const remove = ({ kind, meta: { namespace, name } }: MeshObject): SourceEvent => ({
  type: 'delete',
  ref: { kind, namespace, name },
});
const anyEvent: fc.Arbitrary<SourceEvent> = fc.oneof(
  { weight: 3, arbitrary: anyObject.map((object): SourceEvent => ({ type: 'apply', object })) },
  { weight: 1, arbitrary: anyObject.map(remove) },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(anyEvent, { minLength: 1, maxLength: 4 }).map((events): Step => ({ kind: 'batch', events })),
  },
  { weight: 2, arbitrary: anyMesh.map((mesh): Step => ({ kind: 'mesh', mesh })) },
  { weight: 2, arbitrary: anyKeySets.map((keySets): Step => ({ kind: 'keys', keySets })) },
  { weight: 2, arbitrary: fc.constantFrom(...proxies).map((proxy): Step => ({ kind: 'toggle', proxy })) },
);

/** `RUNS=20` runs everything twenty times as often. */
const runs = (usual: number): number => usual * Number(process.env['RUNS'] ?? 1);

/**
 * Two histories of one outcome: the same objects in their final state, each after earlier states of its own, with the
 * objects interleaved and cut into batches in two ways.
 */
const anyHistory = fc
  .record({
    states: fc.array(anyObject, { minLength: 1, maxLength: 25 }),
    gone: fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }),
    mesh: anyMesh,
    keySets: anyKeySets,
  })
  .chain(({ states, gone, mesh, keySets }) => {
    const events: SourceEvent[] = states.map((object, index) =>
      gone[index] === true && index % 4 === 0 ? remove(object) : { type: 'apply', object },
    );
    const order = fc.record({
      priorities: fc.array(fc.nat(), { minLength: events.length, maxLength: events.length }),
      cuts: fc.array(fc.boolean(), { minLength: events.length, maxLength: events.length }),
    });
    return fc.record({ one: order, other: order }).map(({ one, other }) => ({
      one: history(events, one.priorities, one.cuts),
      other: history(events, other.priorities, other.cuts),
      mesh,
      keySets,
    }));
  });

/** The events by priority, but those of one object in the order they had, cut into batches. */
function history(
  events: readonly SourceEvent[],
  priorities: readonly number[],
  cuts: readonly boolean[],
): readonly (readonly SourceEvent[])[] {
  const queues = new Map<string, SourceEvent[]>();
  for (const event of events) queues.set(keyOf(event), [...(queues.get(keyOf(event)) ?? []), event]);
  const turns = events.map((event, index) => ({ key: keyOf(event), priority: priorities[index] ?? 0 }));
  turns.sort((a, b) => a.priority - b.priority);
  const batches: SourceEvent[][] = [[]];
  turns.forEach(({ key }, index) => {
    const event = queues.get(key)?.shift();
    if (cuts[index] === true) batches.push([]);
    if (event !== undefined) batches.at(-1)?.push(event);
  });
  return batches;
}

function keyOf(event: SourceEvent): string {
  if (event.type === 'apply') return objectKey(event.object);
  return event.type === 'delete' ? `${event.ref.kind}/${event.ref.namespace}/${event.ref.name}` : '';
}

/** An attached proxy, what it read last, and the types it was told of since. */
class Client {
  readonly proxy: Proxy;
  readonly compiled: CompiledProxy;
  readonly told = new Set<TypeUrl>();
  times = 0;
  read: ReadonlyMap<TypeUrl, readonly Layer[]>;
  #credentials: Credentials;

  constructor(compiler: Compiler, proxy: Proxy) {
    this.proxy = proxy;
    this.compiled = compiler.attach(proxy, (types) => {
      this.times += 1;
      for (const type of types) this.told.add(type);
    });
    this.read = this.#layers();
    this.#credentials = this.compiled.credentials;
  }

  /** The types whose layers are other objects than at the last call. */
  changed(): readonly TypeUrl[] {
    const [before, credentials] = [this.read, this.#credentials];
    this.read = this.#layers();
    this.#credentials = this.compiled.credentials;
    return pushOrder.filter(
      (type) =>
        !sameObjects(before.get(type), this.read.get(type)) ||
        (type === types.secret && credentials !== this.#credentials),
    );
  }

  resources(): readonly Resource[] {
    return pushOrder.flatMap((type) => this.compiled.layers(type).flatMap((layer) => [...layer.resources.values()]));
  }

  #layers(): ReadonlyMap<TypeUrl, readonly Layer[]> {
    return new Map(pushOrder.map((type) => [type, this.compiled.layers(type)]));
  }
}

function sameObjects(a: readonly Layer[] = [], b: readonly Layer[] = []): boolean {
  return a.length === b.length && a.every((layer, index) => layer === b[index]);
}

/** `CDS name version` of each resource, sorted: equal lists are equal bytes. */
function summary(resources: readonly Resource[]): readonly string[] {
  return resources.map(({ type, name, version }) => `${shortTypeNames[type]} ${name} ${version}`).sort();
}

const short = (urls: Iterable<TypeUrl>): readonly string[] =>
  [...urls].map((each) => shortTypeNames[each] ?? each).sort();

class World {
  readonly store = new Store(firstMesh);
  readonly compiler: Compiler;
  readonly clients = new Map<Proxy, Client>();

  constructor(cache: BuildCache = new BuildCache({ verify: true })) {
    this.compiler = new Compiler(this.store.snapshot, cache);
    for (const proxy of proxies) this.clients.set(proxy, new Client(this.compiler, proxy));
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'batch': {
        const { snapshot, changes } = this.store.commit(step.events);
        this.compiler.update(snapshot, changes);
        return;
      }
      case 'mesh':
        this.compiler.update(this.store.setMesh(step.mesh), []);
        return;
      case 'keys':
        this.compiler.update(this.store.setKeySets(step.keySets), []);
        return;
      case 'toggle': {
        const client = this.clients.get(step.proxy);
        client?.compiled[Symbol.dispose]();
        if (client === undefined) this.clients.set(step.proxy, new Client(this.compiler, step.proxy));
        else this.clients.delete(step.proxy);
      }
    }
  }

  checkAnnouncements(): void {
    for (const client of this.clients.values()) {
      const name = `${client.proxy.name}.${client.proxy.namespace} ${client.proxy.kind} ${client.proxy.routes}`;
      const changed = client.changed();
      expect(short(client.told), `${name} is told of what changed, and of nothing else`).to.deep.equal(short(changed));
      expect(client.times, `${name} is told once, or not at all`).to.equal(changed.length > 0 ? 1 : 0);
      client.told.clear();
      client.times = 0;
    }
  }

  checkAgainstScratch(): void {
    const fresh = new BuildCache();
    const snapshot = strange(this.store.snapshot);
    for (const client of this.clients.values()) {
      const { resources, credentials, findings } = translate(snapshot, client.proxy, fresh);
      expect(findings).to.deep.equal([]);
      expect(summary(client.resources())).to.deep.equal(summary(resources));
      expect(client.compiled.credentials).to.deep.equal(credentials);
    }
  }
}

/** The same in other objects of the kinds that are prepared once for each object: whoever compiles it knows none of them. */
function strange(snapshot: Snapshot): Snapshot {
  return {
    ...snapshot,
    virtualServices: copied(snapshot.virtualServices),
    destinationRules: copied(snapshot.destinationRules),
    serviceEntries: copied(snapshot.serviceEntries),
    gateways: copied(snapshot.gateways),
  };
}

function copied<T>(objects: ByNamespace<T>): ByNamespace<T> {
  return new Map(
    [...objects].map(([namespace, named]) => [
      namespace,
      new Map([...named].map(([name, object]) => [name, structuredClone(object)])),
    ]),
  );
}

describe('Compiler, whatever happens', () => {
  it('gives each proxy the bytes of a compilation from scratch, and tells whom it concerns of what, once', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 14 }), (steps) => {
        const world = new World();
        for (const step of steps) {
          world.take(step);
          world.checkAnnouncements();
          world.checkAgainstScratch();
        }
      }),
      { numRuns: runs(40) },
    );
  });

  it('follows external authorizers that come and go behind those who ask them', () => {
    const anyEdit = fc.tuple(anyCustom, fc.boolean()).map(([object, gone]): SourceEvent => {
      return gone ? remove(object) : { type: 'apply', object };
    });
    fc.assert(
      fc.property(fc.array(anyEdit, { minLength: 10, maxLength: 16 }), (events) => {
        const world = new World();
        for (const event of events) {
          world.take({ kind: 'batch', events: [event] });
          world.checkAnnouncements();
          world.checkAgainstScratch();
        }
      }),
      { numRuns: runs(15) },
    );
  });

  it('follows Gateways, what their routes lead to, and their secrets', () => {
    const anyEdit = fc
      .tuple(fc.oneof({ weight: 2, arbitrary: anyEdge }, anyCustom, anyObject), fc.constantFrom(false, false, true))
      .map(([object, gone]): SourceEvent => (gone ? remove(object) : { type: 'apply', object }));
    fc.assert(
      fc.property(fc.array(anyEdit, { minLength: 14, maxLength: 24 }), (events) => {
        const world = new World();
        world.take({ kind: 'batch', events: anEdge.map((object): SourceEvent => ({ type: 'apply', object })) });
        world.checkAnnouncements();
        for (const event of events) {
          world.take({ kind: 'batch', events: [event] });
          world.checkAnnouncements();
          world.checkAgainstScratch();
        }
      }),
      { numRuns: runs(12) },
    );
  });

  it('comes to the same bytes whatever the order of events, within a batch and across batches', () => {
    fc.assert(
      fc.property(anyHistory, ({ one, other, mesh, keySets }) => {
        const [first, second] = [one, other].map((batches) => {
          const world = new World();
          world.take({ kind: 'mesh', mesh });
          // Keys of both come at other moments: at the beginning, and at the end.
          if (batches === one) world.take({ kind: 'keys', keySets });
          for (const events of batches) world.take({ kind: 'batch', events });
          if (batches !== one) world.take({ kind: 'keys', keySets });
          return [...world.clients.values()].map((client) => [client.compiled.view, summary(client.resources())]);
        });
        expect(second).to.deep.equal(first);
      }),
      { numRuns: runs(80) },
    );
  });

  it('forgets everything that went: an emptied mesh is an empty one', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        const world = new World();
        const empty = [...world.clients.values()].map((client) => summary(client.resources()));
        for (const event of events) world.take({ kind: 'batch', events: [event] });
        world.take({ kind: 'batch', events: [{ type: 'reset', objects: [] }] });
        expect([...world.clients.values()].map((client) => summary(client.resources()))).to.deep.equal(empty);
      }),
      { numRuns: runs(40) },
    );
  });

  it('gives the same bytes with a cache that forgets at once', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 10 }), (steps) => {
        const world = new World(new BuildCache({ maxBytes: 1 }));
        for (const step of steps) world.take(step);
        world.checkAgainstScratch();
      }),
      { numRuns: runs(25) },
    );
  });
});

// Regression: a security lesson of the field, "a cache key that missed an input gave one proxy another's config".
describe('A view', () => {
  it('leaves out nothing of a workload that its inbound side, or its edge, depends on', () => {
    fc.assert(
      fc.property(fc.array(anyObject, { maxLength: 25 }), anyMesh, (objects, mesh) => {
        const { snapshot } = new Store(mesh).commit([{ type: 'reset', objects }]);
        const policies = new Policies(snapshot);
        for (const proxy of proxies) {
          const { namespace, name } = proxy;
          const workload = findWorkload(snapshot, namespace, name);
          const whole = {
            kind: proxy.kind,
            namespace,
            labels: workload?.labels ?? proxy.labels,
            namedPorts: workload?.namedPorts ?? {},
            pinnedBy: pinningServices(snapshot, namespace, workload?.addresses ?? [proxy.ip]),
          };
          const view = viewOf(snapshot, proxy, labelsRead(snapshot, namespace, policies));
          if (proxy.kind === 'router')
            expect(effectiveGateway(snapshot, view)).to.deep.equal(effectiveGateway(snapshot, whole));
          expect(effectiveInbound(snapshot, view, policies)).to.deep.equal(effectiveInbound(snapshot, whole, policies));
        }
      }),
      { numRuns: runs(400) },
    );
  });
});
