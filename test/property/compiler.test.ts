import { expect } from 'chai';
import fc from 'fast-check';
import type { SourceEvent } from '../../src/config/source.ts';
import type { TypeUrl } from '../../src/model/ids.ts';
import { defaultMesh, type Mesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { Layer, Resource } from '../../src/model/resource.ts';
import { pushOrder, shortTypeNames } from '../../src/model/type-urls.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { type CompiledProxy, Compiler } from '../../src/translate/compiler.ts';
import { translate } from '../../src/translate/translate.ts';
import { anyMesh, anyObject, proxies } from '../support/universe.ts';

/** One thing that happens to a running control plane. */
type Step =
  | { readonly kind: 'batch'; readonly events: readonly SourceEvent[] }
  | { readonly kind: 'mesh'; readonly mesh: Mesh }
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
  { weight: 1, arbitrary: anyMesh.map((mesh): Step => ({ kind: 'mesh', mesh })) },
  { weight: 2, arbitrary: fc.constantFrom(...proxies).map((proxy): Step => ({ kind: 'toggle', proxy })) },
);

/** An attached proxy, what it read last, and the types it was told of since. */
class Client {
  readonly proxy: Proxy;
  readonly compiled: CompiledProxy;
  readonly told = new Set<TypeUrl>();
  times = 0;
  read: ReadonlyMap<TypeUrl, readonly Layer[]>;

  constructor(compiler: Compiler, proxy: Proxy) {
    this.proxy = proxy;
    this.compiled = compiler.attach(proxy, (types) => {
      this.times += 1;
      for (const type of types) this.told.add(type);
    });
    this.read = this.#layers();
  }

  /** The types whose layers are other objects than at the last call. */
  changed(): readonly TypeUrl[] {
    const before = this.read;
    this.read = this.#layers();
    return pushOrder.filter((type) => !sameObjects(before.get(type), this.read.get(type)));
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
  readonly store = new Store(defaultMesh);
  readonly compiler = new Compiler(this.store.snapshot, new BuildCache({ verify: true }));
  readonly clients = new Map<Proxy, Client>();

  constructor() {
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
    for (const client of this.clients.values()) {
      const { resources, findings } = translate(this.store.snapshot, client.proxy, fresh);
      expect(findings).to.deep.equal([]);
      expect(summary(client.resources())).to.deep.equal(summary(resources));
    }
  }
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
      { numRuns: Number(process.env['RUNS'] ?? 40) },
    );
  });
});
