import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { affected } from '../../../src/translate/affected.ts';
import { Policies } from '../../../src/translate/policies.ts';
import { labelsRead, type View, viewOf } from '../../../src/translate/view.ts';
import { authorizationPolicy, peerAuthentication, pod, service, sidecar, slice } from '../../support/objects.ts';

const web = service('foo', 'web', [[80, 8080, 'http']]);
const other = service('foo', 'other', [[80, 8080, 'http']]);
const pinned = service('foo', 'pinned', [[80, 8080, 'http']], { selector: undefined });
const elsewhere = service('bar', 'web', [[80, 8080, 'http']]);
const instance = pod('foo', 'web-1', '10.0.0.1');
const world: readonly MeshObject[] = [
  web,
  other,
  pinned,
  elsewhere,
  instance,
  pod('foo', 'other-1', '10.0.0.2'),
  pod('bar', 'web-1', '10.0.0.3'),
];

const apply = (object: MeshObject): SourceEvent => ({ type: 'apply', object });
const remove = ({ kind, meta: { namespace, name } }: MeshObject): SourceEvent => ({
  type: 'delete',
  ref: { kind, namespace, name },
});

/** What one batch has an effect on, in a world of these objects. */
function scopeOf(objects: readonly MeshObject[], ...events: readonly SourceEvent[]) {
  const store = new Store(defaultMesh);
  const before = store.commit([{ type: 'reset', objects }]).snapshot;
  const { snapshot, changes } = store.commit(events);
  const scope = affected(before, snapshot, changes);
  const view = (namespace: string, labels: Labels): View =>
    viewOf(
      before,
      sidecar(pod(namespace, 'stranger', '', { labels })),
      labelsRead(before, namespace, new Policies(before)),
    );
  const reads = Object.fromEntries(
    (['foo', 'bar', 'istio-system'] as const).flatMap((namespace) =>
      ['web', 'other'].map((app) => [`${app}.${namespace}`, scope.views.reads(view(namespace, { app }))]),
    ),
  );
  return {
    services: [...scope.services].sort(),
    workloads: [...scope.workloads].sort(),
    selectors: scope.selectorsChanged === 'all' ? 'all' : [...scope.selectorsChanged],
    pins: [...scope.pinsChanged],
    namespaces: scope.views.namespaces === 'all' ? 'all' : [...scope.views.namespaces],
    views: Object.keys(reads).filter((name) => reads[name]),
  };
}

const nothing = { services: [], workloads: [], selectors: [], pins: [], namespaces: [], views: [] };

describe('affected', () => {
  it('is nothing for a namespace or a service account', () => {
    const { meta } = instance;
    for (const kind of ['Namespace', 'ServiceAccount'] as const) {
      expect(scopeOf(world, apply({ kind, meta }))).to.deep.equal(nothing);
    }
  });

  describe('a workload', () => {
    it('touches its proxies, and the services that select it', () => {
      expect(scopeOf(world, apply({ ...instance, ready: false }))).to.deep.equal({
        ...nothing,
        services: ['foo/web'],
        workloads: ['foo/web-1'],
      });
    });

    it('touches the services of both sides when it is relabelled out of one and into another', () => {
      expect(scopeOf(world, apply({ ...instance, labels: { app: 'other' } })).services).to.deep.equal([
        'foo/other',
        'foo/web',
      ]);
    });

    it('touches the services that it leaves, also when it goes', () => {
      expect(scopeOf(world, remove(instance)).services).to.deep.equal(['foo/web']);
    });

    it('touches the service of a slice that names it or one of its addresses, whatever that service selects', () => {
      const byName = slice('foo', 'pinned', ['http-80', 8080], [{ address: '10.0.0.9', pod: 'web-1' }]);
      const byAddress = slice('foo', 'other', ['http-80', 8080], [{ address: '10.0.0.1' }]);
      const { services } = scopeOf([...world, byName, byAddress], apply({ ...instance, tlsMode: 'disabled' }));
      expect(services).to.deep.equal(['foo/other', 'foo/pinned', 'foo/web']);
    });

    it('touches the service of a slice that lists the address it had, or the one it gets', () => {
      const listed = (address: string) => slice('foo', 'pinned', ['http-80', 8080], [{ address }]);
      const moved = apply({ ...instance, addresses: ['10.0.0.8'] });
      expect(scopeOf([...world, listed('10.0.0.1')], moved).services).to.include('foo/pinned');
      expect(scopeOf([...world, listed('10.0.0.8')], moved).services).to.include('foo/pinned');
      expect(scopeOf([...world, listed('10.0.0.7')], moved).services).to.not.include('foo/pinned');
    });
  });

  describe('an EndpointSlice', () => {
    it('touches the services that it belonged to and belongs to', () => {
      const before = slice('foo', 'pinned', ['http-80', 8080], []);
      expect(scopeOf([...world, before], apply({ ...before, service: 'other' })).services).to.deep.equal([
        'foo/other',
        'foo/pinned',
      ]);
    });

    it('may move proxies to another view only where its service has no selector', () => {
      const move = { selectors: ['foo'], pins: ['foo'], views: [] };
      expect(scopeOf(world, apply(slice('foo', 'pinned', ['http-80', 8080], [])))).to.deep.include(move);
      const none = { selectors: [], pins: [], views: [] };
      expect(scopeOf(world, apply(slice('foo', 'web', ['http-80', 8080], [])))).to.deep.include(none);
      expect(scopeOf(world, apply(slice('foo', 'absent', ['http-80', 8080], [])))).to.deep.include(none);
    });
  });

  describe('a Service', () => {
    it('touches itself, and the views that its selector chose or chooses', () => {
      expect(scopeOf(world, apply({ ...web, selector: { app: 'other' } }))).to.deep.equal({
        services: ['foo/web'],
        workloads: [],
        selectors: ['foo'],
        pins: [],
        namespaces: ['foo'],
        views: ['web.foo', 'other.foo'],
      });
      expect(scopeOf(world, remove(web)).views).to.deep.equal(['web.foo']);
    });

    it('touches the views that it lists', () => {
      const listed = slice('foo', 'pinned', ['http-80', 8080], [{ address: '' }]);
      expect(scopeOf(world, apply({ ...web, selector: undefined })).pins).to.deep.equal(['foo']);
      expect(scopeOf([...world, listed], remove(pinned)).pins).to.deep.equal(['foo']);
      expect(scopeOf([...world, listed], remove(pinned)).views).to.deep.equal(['web.foo', 'other.foo']);
      expect(scopeOf(world, remove(pinned)).views, 'without a slice it lists nobody').to.deep.equal([]);
    });
  });

  describe('a PeerAuthentication', () => {
    const policy = (namespace: string, labels: Labels) => peerAuthentication(namespace, 'p', 'STRICT', { labels });

    it('of a workload touches the views it selects, and the endpoints of the services of its namespace', () => {
      expect(scopeOf(world, apply(policy('foo', { app: 'web' })))).to.deep.equal({
        services: ['foo/other', 'foo/pinned', 'foo/web'],
        workloads: [],
        selectors: ['foo'],
        pins: [],
        namespaces: ['foo'],
        views: ['web.foo'],
      });
    });

    it('of a namespace touches all of it', () => {
      expect(scopeOf(world, apply(policy('foo', {})))).to.deep.include({
        services: ['foo/other', 'foo/pinned', 'foo/web'],
        views: ['web.foo', 'other.foo'],
      });
    });

    it('of the mesh touches everything', () => {
      expect(scopeOf(world, apply(policy('istio-system', {})))).to.deep.include({
        services: ['bar/web', 'foo/other', 'foo/pinned', 'foo/web'],
        namespaces: 'all',
        views: ['web.foo', 'other.foo', 'web.bar', 'other.bar', 'web.istio-system', 'other.istio-system'],
      });
    });

    it('of the root namespace with a selector touches nothing', () => {
      const { services, views } = scopeOf(world, apply(policy('istio-system', { app: 'web' })));
      expect({ services, views }).to.deep.equal({ services: [], views: [] });
    });

    it('that goes, or gets a selector, touches what it held', () => {
      const all = { services: ['foo/other', 'foo/pinned', 'foo/web'], views: ['web.foo', 'other.foo'] };
      expect(scopeOf([...world, policy('foo', {})], remove(policy('foo', {})))).to.deep.include(all);
      expect(scopeOf([...world, policy('foo', {})], apply(policy('foo', { app: 'web' })))).to.deep.include(all);
      const mesh = [...world, policy('istio-system', {})];
      expect(scopeOf(mesh, apply(policy('istio-system', { app: 'web' }))).namespaces).to.equal('all');
    });
  });

  describe('an AuthorizationPolicy', () => {
    const policy = (namespace: string, labels: Labels) => authorizationPolicy(namespace, 'p', 'DENY', [{}], labels);

    it('touches the views that it selects, and no service', () => {
      expect(scopeOf(world, apply(policy('foo', { app: 'web' })))).to.deep.equal({
        ...nothing,
        selectors: ['foo'],
        namespaces: ['foo'],
        views: ['web.foo'],
      });
      expect(scopeOf(world, apply(policy('bar', {}))).views).to.deep.equal(['web.bar', 'other.bar']);
    });

    it('of the root namespace selects in every namespace', () => {
      expect(scopeOf(world, apply(policy('istio-system', { app: 'web' })))).to.deep.equal({
        ...nothing,
        selectors: 'all',
        namespaces: 'all',
        views: ['web.foo', 'web.bar'],
      });
    });

    it('touches what it selected before and selects now', () => {
      const objects = [...world, policy('foo', { app: 'web' })];
      expect(scopeOf(objects, apply(policy('foo', { app: 'other' }))).views).to.deep.equal(['web.foo', 'other.foo']);
      expect(scopeOf(objects, remove(policy('foo', {}))).views).to.deep.equal(['web.foo']);
    });
  });
});
