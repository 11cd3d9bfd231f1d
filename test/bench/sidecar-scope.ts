import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { emptyLayer, type Layer } from '../../src/model/resource.ts';
import type { ImportedHost } from '../../src/model/sidecar.ts';
import { pushOrder } from '../../src/model/type-urls.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { type CompiledProxy, Compiler } from '../../src/translate/compiler.ts';
import { benchWorld, type WorldSize } from '../support/bench-world.ts';
import { destinationRule, noPolicy, pod, service, sidecar, sidecarResource } from '../support/objects.ts';
import type { Section } from './kube-section.ts';
import { bytes, ms } from './report.ts';

/** What each namespace's Sidecar imports; undefined: there is none. */
type Imports = (namespace: number) => readonly ImportedHost[] | undefined;

const own = (namespace: number): ImportedHost => ({ namespace: `ns-${namespace}`, host: '*' });

/** One way to scope clients, with what came of it. */
export interface Scoped {
  readonly title: string;
  /** Of the resources of a client, all of them: the mean. */
  readonly clientBytes: number;
  readonly clientResources: number;
  /** How many clients were told something, for 100 changes. */
  readonly pushes: number;
  /** Resources that they were told of, with their bytes. */
  readonly pushedResources: number;
  readonly pushedBytes: number;
  /** CPU time of the compiler, for all changes. */
  readonly changesMs: number;
}

/** The 100 changes: pods that come and go, and services that do; other rules; another port. All in the namespaces in turn. */
function* changes({ services, namespaces }: WorldSize): Iterable<MeshObject> {
  for (let index = 0; index < 100; index += 1) {
    const name = `svc-${(index * 7) % services}`;
    const namespace = `ns-${((index * 7) % services) % namespaces}`;
    const added = service(namespace, `new-${index}`, [[80, 8080, 'http']], { addresses: [`10.97.0.${index}`] });
    switch (index % 5) {
      case 0:
      case 1:
      case 2:
        yield pod(namespace, `more-${index}`, `10.78.0.${index}`, { labels: { app: name }, serviceAccount: name });
        break;
      case 3:
        yield added;
        break;
      default:
        yield destinationRule(namespace, name, `${name}.${namespace}.svc.cluster.local`, {
          ...noPolicy,
          loadBalancer: { method: 'ROUND_ROBIN', warmup: undefined },
        });
    }
  }
}

const layersOf = (client: CompiledProxy): readonly Layer[] => pushOrder.flatMap((type) => client.layers(type));

interface Size {
  readonly resources: number;
  readonly bytes: number;
}

const nothing = emptyLayer('nothing');

/** Remembered, as all clients alike have the same layers. */
class Sizes {
  readonly #known = new WeakMap<Layer, WeakMap<Layer, Size>>();

  /** What of a layer isn't in the one before. */
  ofNew(before: Layer, after: Layer): Size {
    const known = this.#known.get(before) ?? new WeakMap<Layer, Size>();
    this.#known.set(before, known);
    const found = known.get(after);
    if (found !== undefined) return found;
    const fresh = [...after.resources.values()].filter(
      ({ name, version }) => before.resources.get(name)?.version !== version,
    );
    const size = { resources: fresh.length, bytes: sum(fresh.map(({ body }) => body.length)) };
    known.set(after, size);
    return size;
  }

  /** The same for all of a client's. */
  ofAll(before: readonly Layer[], after: readonly Layer[]): Size {
    const sizes = after.map((each, index) => this.ofNew(before[index] ?? nothing, each));
    return { resources: sum(sizes.map(({ resources }) => resources)), bytes: sum(sizes.map(({ bytes }) => bytes)) };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

/** Compiles for every pod of a world, and counts what 100 changes mean to them. */
export function scoped(title: string, size: WorldSize, imports: Imports): Scoped {
  const { objects, pods } = benchWorld(size);
  const sidecars = Array.from({ length: size.namespaces }, (_, namespace) => {
    const hosts = imports(namespace);
    return (
      hosts &&
      sidecarResource(`ns-${namespace}`, 'default', {
        egress: [{ port: undefined, bind: '', captureMode: 'DEFAULT', hosts }],
      })
    );
  }).filter((each) => each !== undefined);
  const store = new Store(defaultMesh);
  const { snapshot } = store.commit([{ type: 'reset', objects: [...objects, ...sidecars] }]);
  const compiler = new Compiler(snapshot, new BuildCache());
  const told = new Set<number>();
  const clients = pods.map((each, index) => compiler.attach(sidecar(each), () => told.add(index)));
  const current = clients.map(layersOf);
  const sizes = new Sizes();
  const first = current.map((layers) => sizes.ofAll([], layers));
  const total = { pushes: 0, resources: 0, bytes: 0, ms: 0 };
  for (const object of changes(size)) {
    told.clear();
    const { snapshot, changes } = store.commit([{ type: 'apply', object }]);
    const started = process.cpuUsage();
    compiler.update(snapshot, changes);
    const { user, system } = process.cpuUsage(started);
    total.ms += (user + system) / 1_000;
    total.pushes += told.size;
    for (const index of told) {
      const client = clients[index];
      if (client === undefined) continue;
      const layers = layersOf(client);
      const { resources, bytes } = sizes.ofAll(current[index] ?? [], layers);
      total.resources += resources;
      total.bytes += bytes;
      current[index] = layers;
    }
  }
  for (const client of clients) client[Symbol.dispose]();
  return {
    title,
    clientBytes: sum(first.map(({ bytes }) => bytes)) / clients.length,
    clientResources: sum(first.map(({ resources }) => resources)) / clients.length,
    pushes: total.pushes,
    pushedResources: total.resources,
    pushedBytes: total.bytes,
    changesMs: total.ms,
  };
}

/** A thousand services in a hundred namespaces, each with a client. */
export const sidecarScopeSize: WorldSize = { services: 1_000, podsPerService: 1, namespaces: 100 };

/** What Sidecars save: in what clients hold, and in how often they are told. */
export function measureSidecarScope(size: WorldSize = sidecarScopeSize): Section {
  const rows = [
    scoped('no Sidecar', size, () => undefined),
    scoped('./* and two namespaces more', size, (index) => [
      own(index),
      own((index + 1) % size.namespaces),
      own((index + 2) % size.namespaces),
    ]),
    scoped('./*', size, (index) => [own(index)]),
  ];
  const [all] = rows;
  const ratio = (value: number, whole: number): string => `${value} (1 : ${(whole / value).toFixed(0)})`;
  return {
    id: 'sidecar-scope',
    title: `Sidecar scope: ${size.services} services in ${size.namespaces} namespaces, as many clients`,
    columns: ['imports', 'bytes a client', 'resources a client', 'pushes for 100 changes', 'pushed', 'compiler CPU'],
    cells: rows.map((row) => [
      row.title,
      `${bytes(row.clientBytes)} (1 : ${((all?.clientBytes ?? 0) / row.clientBytes).toFixed(1)})`,
      ratio(row.clientResources, all?.clientResources ?? 0),
      ratio(row.pushes, all?.pushes ?? 0),
      bytes(row.pushedBytes),
      ms(row.changesMs),
    ]),
    notes: [
      'a push is one client that is told of one change; bytes are those of the resources, without the wire',
      'of 100 changes, 60 are pods that come, 20 new services, 20 new rules',
    ],
    figures: rows,
  };
}
