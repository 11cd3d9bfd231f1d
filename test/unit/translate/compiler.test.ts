import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import type { TypeUrl } from '../../../src/model/ids.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { Layer } from '../../../src/model/resource.ts';
import { pushOrder, shortTypeNames } from '../../../src/model/type-urls.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { benchWorld } from '../../support/bench-world.ts';
import { authorizationPolicy, peerAuthentication, pod, service, sidecar } from '../../support/objects.ts';

const size = { services: 40, podsPerService: 2, namespaces: 4 };

/** A small copy of the benchmark's world, where every change says exactly whom it touched and what moved. */
class Bench {
  readonly store = new Store(defaultMesh);
  readonly compiler: Compiler;
  readonly #seen = new Map<string, ReadonlyMap<TypeUrl, readonly Layer[]>>();
  #told = new Set<string>();

  constructor() {
    const world = benchWorld(size);
    const { snapshot } = this.store.commit([{ type: 'reset', objects: world.objects }]);
    this.compiler = new Compiler(snapshot, new BuildCache({ verify: true }));
    for (const workload of world.pods) {
      const proxy = sidecar(workload);
      const compiled = this.compiler.attach(proxy, () => this.#told.add(proxy.name));
      const read = () => new Map(pushOrder.map((type) => [type, compiled.layers(type)]));
      this.#seen.set(proxy.name, read());
      this.#readers.set(proxy.name, read);
    }
  }

  readonly #readers = new Map<string, () => ReadonlyMap<TypeUrl, readonly Layer[]>>();

  /** Applies one change: who was told, and which resources differ for whom. */
  change(...events: readonly SourceEvent[]): { readonly touched: number; readonly resources: readonly string[] } {
    this.#told = new Set();
    const { snapshot, changes } = this.store.commit(events);
    this.compiler.update(snapshot, changes);
    const resources = new Set<string>();
    let touched = 0;
    for (const [name, read] of this.#readers) {
      const now = read();
      const moved = pushOrder.flatMap((type) =>
        difference(type, this.#seen.get(name)?.get(type) ?? [], now.get(type) ?? []),
      );
      if (moved.length > 0) {
        touched += 1;
        expect(this.#told.has(name), `${name} was told`).to.equal(true);
      }
      for (const each of moved) resources.add(each);
      this.#seen.set(name, now);
    }
    expect(this.#told.size, 'nobody is told for nothing').to.equal(touched);
    return { touched, resources: [...resources].sort() };
  }
}

function difference(type: TypeUrl, before: readonly Layer[], after: readonly Layer[]): readonly string[] {
  const flat = (layers: readonly Layer[]) => new Map(layers.flatMap((layer) => [...layer.resources]));
  const [old, now] = [flat(before), flat(after)];
  const short = shortTypeNames[type];
  return [
    ...[...now.values()]
      .filter((each) => old.get(each.name)?.version !== each.version)
      .map(({ name }) => `${short} ${name}`),
    ...[...old.keys()].filter((name) => !now.has(name)).map((name) => `${short} -${name}`),
  ];
}

const apply = (object: Extract<SourceEvent, { type: 'apply' }>['object']): SourceEvent => ({ type: 'apply', object });
const pathPolicy = (path: string, principal: string, scope: 'mesh' | 'workload') =>
  scope === 'mesh'
    ? apply(
        authorizationPolicy('istio-system', 'mesh', 'ALLOW', [
          { from: { principals: [principal] }, to: { paths: [path] } },
          {},
        ]),
      )
    : apply(
        authorizationPolicy(
          'ns-3',
          'one',
          'ALLOW',
          [{ from: { principals: [principal] }, to: { paths: [path] } }, { from: { principals: [principal] } }],
          { app: 'svc-3' },
        ),
      );

describe('Compiler: cost follows the change', () => {
  let bench: Bench;
  before(() => {
    bench = new Bench();
    bench.change(pathPolicy('/a', 'p', 'mesh'), pathPolicy('/a', 'p', 'workload'));
  });

  it('two pods of one workload share a view', () => {
    expect(bench.compiler.stats().views).to.equal(size.services);
  });

  it('a path in a workload policy moves only the HTTP filter of its two proxies', () => {
    const compiled = bench.compiler.stats().viewsCompiled;
    expect(bench.change(pathPolicy('/b', 'p', 'workload'))).to.deep.equal({
      touched: 2,
      resources: ['ECDS coxswain.http.rbac.allow'],
    });
    expect(bench.compiler.stats().viewsCompiled - compiled, 'no other view is even looked at').to.equal(1);
  });

  it('a principal in it moves the TCP chains too', () => {
    expect(bench.change(pathPolicy('/b', 'q', 'workload'))).to.deep.equal({
      touched: 2,
      resources: ['ECDS coxswain.http.rbac.allow', 'LDS virtualInbound'],
    });
  });

  it('a path in a mesh policy moves one HTTP filter everywhere, and no listener', () => {
    expect(bench.change(pathPolicy('/b', 'p', 'mesh'))).to.deep.equal({
      touched: 80,
      resources: ['ECDS coxswain.http.rbac.allow'],
    });
  });

  it('mesh-wide STRICT and back move virtualInbound alone', () => {
    const strict = apply(peerAuthentication('istio-system', 'default', 'STRICT'));
    expect(bench.change(strict)).to.deep.equal({ touched: 80, resources: ['LDS virtualInbound'] });
    const permissive = apply(peerAuthentication('istio-system', 'default', 'PERMISSIVE'));
    expect(bench.change(permissive)).to.deep.equal({ touched: 80, resources: ['LDS virtualInbound'] });
  });

  it('one endpoint more moves its two load assignments', () => {
    const fresh = pod('ns-3', 'svc-3-9', '10.77.200.1', { labels: { app: 'svc-3' }, serviceAccount: 'svc-3' });
    expect(bench.change(apply(fresh))).to.deep.equal({
      touched: 80,
      resources: ['EDS outbound|80||svc-3.ns-3.svc.cluster.local', 'EDS outbound|9000||svc-3.ns-3.svc.cluster.local'],
    });
  });

  it('one service more adds its own resources and changes no other', () => {
    const fresh = service(
      'ns-1',
      'fresh',
      [
        [80, 8080, 'http'],
        [9000, 9000, 'tcp'],
      ],
      { addresses: ['10.96.9.9'] },
    );
    expect(bench.change(apply(fresh))).to.deep.equal({
      touched: 80,
      resources: [
        'CDS outbound|80||fresh.ns-1.svc.cluster.local',
        'CDS outbound|9000||fresh.ns-1.svc.cluster.local',
        'EDS outbound|80||fresh.ns-1.svc.cluster.local',
        'EDS outbound|9000||fresh.ns-1.svc.cluster.local',
        'LDS 10.96.9.9_9000',
        'VHDS 80/fresh.ns-1.svc.cluster.local:80',
      ],
    });
    const gone: SourceEvent = { type: 'delete', ref: { kind: 'Service', namespace: 'ns-1', name: 'fresh' } };
    expect(bench.change(gone).resources).to.include('VHDS -80/fresh.ns-1.svc.cluster.local:80');
  });

  it('what nothing reads moves nothing', () => {
    expect(bench.change(pathPolicy('/b', 'p', 'mesh'))).to.deep.equal({ touched: 0, resources: [] });
    const relabelled = pod('ns-3', 'svc-3-0', '10.77.0.6', {
      labels: { app: 'svc-3', 'pod-template-hash': 'other' },
      serviceAccount: 'svc-3',
    });
    expect(bench.change(apply(relabelled))).to.deep.equal({ touched: 0, resources: [] });
  });

  it('a selector on a label that nothing read before splits the view it must', () => {
    const policy = apply(
      authorizationPolicy('ns-3', 'half', 'DENY', [{ to: { paths: ['/x'] } }], {
        'pod-template-hash': 'h1',
        app: 'svc-3',
      }),
    );
    expect(bench.change(policy)).to.deep.equal({
      touched: 1,
      resources: ['ECDS coxswain.http.rbac.deny', 'LDS virtualInbound'],
    });
  });
});
