import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import { defaultMesh, type Mesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { affected, type Scope } from '../../../src/translate/affected.ts';
import { Policies } from '../../../src/translate/policies.ts';
import { labelsRead, type View, viewOf } from '../../../src/translate/view.ts';
import {
  authorizationPolicy,
  httpAuthorizer,
  jwtRule,
  peerAuthentication,
  pod,
  requestAuthentication,
  service,
  sidecar,
  sidecarResource,
  slice,
} from '../../support/objects.ts';

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
const scopeOf = (objects: readonly MeshObject[], ...events: readonly SourceEvent[]) =>
  scopeIn(defaultMesh, objects, ...events);

function scopeIn(mesh: Mesh, objects: readonly MeshObject[], ...events: readonly SourceEvent[]) {
  const store = new Store(mesh);
  const before = store.commit([{ type: 'reset', objects }]).snapshot;
  const { snapshot, changes } = store.commit(events);
  const scope = affected(before, snapshot, changes);
  return {
    services: [...scope.services].sort(),
    workloads: [...scope.workloads].sort(),
    selectors: scope.selectorsChanged === 'all' ? 'all' : [...scope.selectorsChanged],
    pins: [...scope.pinsChanged],
    namespaces: scope.views.namespaces === 'all' ? 'all' : [...scope.views.namespaces],
    views: viewsOf(before, scope),
  };
}

/** The views that read a change, by an app of each namespace. */
function viewsOf(before: Snapshot, scope: Scope): readonly string[] {
  const view = (namespace: string, labels: Labels): View =>
    viewOf(
      before,
      sidecar(pod(namespace, 'stranger', '', { labels })),
      labelsRead(before, namespace, new Policies(before)),
    );
  return (['foo', 'bar', 'istio-system'] as const).flatMap((namespace) =>
    ['web', 'other'].filter((app) => scope.views.reads(view(namespace, { app }))).map((app) => `${app}.${namespace}`),
  );
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
    it('touches itself, its name, and the views that its selector chose or chooses', () => {
      expect(scopeOf(world, apply({ ...web, selector: { app: 'other' } }))).to.deep.equal({
        services: ['//web.foo.svc.cluster.local', 'foo/web'],
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

  describe('a Sidecar', () => {
    const sidecarOf = (namespace: string, matchLabels: Labels, name = 'x') =>
      sidecarResource(namespace, name, { selector: { matchLabels } });

    it('touches the views that it selects', () => {
      const { views, selectors } = scopeOf(world, apply(sidecarOf('foo', { app: 'web' })));
      expect({ views, selectors }).to.deep.equal({ views: ['web.foo'], selectors: ['foo'] });
      expect(scopeOf(world, apply(sidecarOf('foo', {}))).views).to.deep.equal(['web.foo', 'other.foo']);
    });

    it('touches nobody who has one of its own', () => {
      const own = [...world, sidecarOf('foo', { app: 'web' }, 'own')];
      expect(scopeOf(own, apply(sidecarOf('foo', {}))).views).to.deep.equal(['other.foo']);
      const wide = [...own, sidecarOf('bar', {})];
      expect(scopeOf(wide, apply(sidecarOf('istio-system', {}))).views).to.deep.equal([
        'other.foo',
        'web.istio-system',
        'other.istio-system',
      ]);
    });

    it('that goes touches whom it held', () => {
      const held = [...world, sidecarOf('foo', { app: 'web' })];
      expect(scopeOf(held, remove(sidecarOf('foo', {}))).views).to.deep.equal(['web.foo']);
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

  describe('a RequestAuthentication', () => {
    const policy = (namespace: string, labels: Labels) =>
      requestAuthentication(namespace, 'p', [jwtRule('a', { kind: 'none' })], labels);

    it('touches the views that it selected or selects, and no service', () => {
      expect(scopeOf(world, apply(policy('foo', { app: 'web' })))).to.deep.equal({
        ...nothing,
        selectors: ['foo'],
        namespaces: ['foo'],
        views: ['web.foo'],
      });
      const objects = [...world, policy('foo', { app: 'web' })];
      expect(scopeOf(objects, apply(policy('foo', { app: 'other' }))).views).to.deep.equal(['web.foo', 'other.foo']);
    });

    it('of the root namespace selects in every namespace', () => {
      expect(scopeOf(world, apply(policy('istio-system', { app: 'web' })))).to.deep.equal({
        ...nothing,
        selectors: 'all',
        namespaces: 'all',
        views: ['web.foo', 'web.bar'],
      });
    });
  });

  it('is no sidecar for a policy with targets', () => {
    const targets = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }];
    for (const namespace of ['foo', 'istio-system']) {
      const policies = [
        { ...authorizationPolicy(namespace, 'p', 'DENY', [{}]), targets },
        { ...requestAuthentication(namespace, 'p', [jwtRule('a', { kind: 'none' })]), targets },
      ];
      for (const each of policies) expect(scopeOf(world, apply(each)).views).to.deep.equal([]);
    }
  });

  describe('keys of issuers', () => {
    const trusting = (namespace: string, name: string, uri: string, labels: Labels = {}) =>
      requestAuthentication(namespace, name, [jwtRule('a', { kind: 'remote', uri })], labels);
    const objects = [
      ...world,
      trusting('foo', 'x', 'https://x', { app: 'web' }),
      trusting('bar', 'y', 'https://y'),
      requestAuthentication('istio-system', 'z', [jwtRule('https://z', { kind: 'discovered', issuer: 'https://z' })], {
        app: 'other',
      }),
      requestAuthentication('foo', 'inline', [jwtRule('i', { kind: 'inline', jwks: '{}' })]),
    ];
    /** The views that read what differs between two states of the fetched keys. */
    const views = (before: Keys, after: Keys): readonly string[] => {
      const { snapshot } = new Store(defaultMesh).commit([{ type: 'reset', objects }]);
      const sets = (keys: Keys) => new Map(Object.entries(keys).map(([id, jwks]) => [id, { id, jwks }]));
      return viewsOf(
        snapshot,
        affected({ ...snapshot, keySets: sets(before) }, { ...snapshot, keySets: sets(after) }, []),
      );
    };
    type Keys = Readonly<Record<string, string>>;

    it('touch whoever trusts an issuer of which they came, changed or went', () => {
      expect(views({}, { 'https://x': '1' })).to.deep.equal(['web.foo']);
      expect(views({ 'https://x': '1' }, { 'https://x': '2' })).to.deep.equal(['web.foo']);
      expect(views({ 'https://x': '1' }, {})).to.deep.equal(['web.foo']);
      expect(views({}, { 'https://y': '1' })).to.deep.equal(['web.bar', 'other.bar']);
      expect(views({}, { 'openid https://z': '1' })).to.deep.equal(['other.foo', 'other.bar', 'other.istio-system']);
    });

    it('touch nobody where they are the same, or nobody asks for them', () => {
      expect(views({ 'https://x': '1' }, { 'https://x': '1' })).to.deep.equal([]);
      expect(views({}, { 'https://z': '1', 'https://nobody': '1' })).to.deep.equal([]);
    });
  });

  describe('the service of an external authorizer', () => {
    const custom = (namespace: string, provider: string, labels: Labels): MeshObject => ({
      ...authorizationPolicy(namespace, provider, 'DENY', [{}], labels),
      action: 'CUSTOM',
      provider,
    });
    const asker = service('bar', 'asker', [[80, 8080, 'http']], { selector: undefined });
    const objects = [...world, custom('foo', 'a', { app: 'web' }), custom('istio-system', 'b', { app: 'other' })];
    const mesh = {
      ...defaultMesh,
      extensionProviders: ['a', 'b', 'c'].map((name) =>
        httpAuthorizer(name, `${name === 'b' ? 'web' : 'asker'}.bar.svc.cluster.local`),
      ),
    };

    it('touches the views whose policies may ask it, when it comes, changes or goes', () => {
      expect(scopeIn(mesh, objects, apply(asker)).views).to.deep.equal(['web.foo']);
      expect(scopeIn(mesh, [...objects, asker], remove(asker)).views).to.deep.equal(['web.foo']);
      expect(scopeIn(mesh, objects, apply({ ...elsewhere, ports: [] })).views).to.deep.equal([
        'other.foo',
        'web.bar',
        'other.bar',
        'other.istio-system',
      ]);
    });

    it('is any other service for all others', () => {
      expect(scopeIn(defaultMesh, objects, apply(asker)).views).to.deep.equal([]);
      expect(scopeIn(mesh, world, apply(asker)).views).to.deep.equal([]);
    });
  });
});
