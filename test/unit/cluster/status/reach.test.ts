import { expect } from 'chai';
import { Reach } from '../../../../src/cluster/status/reach.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { Labels } from '../../../../src/model/object.ts';
import { Store } from '../../../../src/snapshot/store.ts';
import { authorizationPolicy, meta, peerAuthentication, pod, sidecarResource } from '../../../support/objects.ts';
import { view } from '../../../support/status-facts.ts';

function snapshotOf(...objects: readonly MeshObject[]) {
  return new Store(defaultMesh).commit([{ type: 'reset', objects }]).snapshot;
}

const root = 'istio-system';

const gateway = (namespace: string, name: string, matchLabels: Labels): MeshObject => ({
  kind: 'Gateway',
  meta: meta(namespace, name),
  selector: { matchLabels },
  servers: [],
});
const aged = (namespace: string, name: string, matchLabels: Labels, createdAt = 0): MeshObject =>
  sidecarResource(namespace, name, { meta: meta(namespace, name, { createdAt }), selector: { matchLabels } });

describe('the reach of policies', () => {
  const snapshot = snapshotOf(
    peerAuthentication(root, 'mesh', 'STRICT'),
    peerAuthentication(root, 'selected', 'STRICT', { labels: { app: 'web' } }),
    peerAuthentication('foo', 'first', 'STRICT', { createdAt: 1 }),
    peerAuthentication('foo', 'second', 'DISABLE', { createdAt: 2 }),
    peerAuthentication('foo', 'web', 'STRICT', { labels: { app: 'web' }, createdAt: 1 }),
    peerAuthentication('foo', 'web-late', 'STRICT', { labels: { tier: 'front' }, createdAt: 2 }),
    peerAuthentication('bar', 'other', 'STRICT'),
    authorizationPolicy(root, 'mesh', 'ALLOW', [{}]),
    authorizationPolicy(root, 'everywhere-web', 'DENY', [{}], { app: 'web' }),
    authorizationPolicy('foo', 'api', 'ALLOW', [{}], { app: 'api' }),
    authorizationPolicy('foo', 'all', 'ALLOW', [{}]),
    authorizationPolicy('bar', 'all', 'ALLOW', [{}]),
  );
  const of = (labels: Readonly<Record<string, string>>, namespace = 'foo') => {
    const { applied, overridden } = new Reach().of(view(namespace, labels), snapshot);
    return { applied: [...applied].sort(), overridden: [...overridden].sort() };
  };

  it('is scope and selector; of PeerAuthentications the oldest holds, and the root namespace has no selectors', () => {
    expect(of({ app: 'web', tier: 'front' })).to.deep.equal({
      applied: [
        'AuthorizationPolicy/foo/all',
        'AuthorizationPolicy/istio-system/everywhere-web',
        'AuthorizationPolicy/istio-system/mesh',
        'PeerAuthentication/foo/first',
        'PeerAuthentication/foo/web',
        'PeerAuthentication/istio-system/mesh',
      ],
      overridden: ['PeerAuthentication/foo/second', 'PeerAuthentication/foo/web-late'],
    });
    expect(of({ tier: 'front' }).applied).to.include('PeerAuthentication/foo/web-late');
    expect(of({ app: 'api' }).applied).to.include('AuthorizationPolicy/foo/api');
    expect(of({}, 'bar').applied).to.deep.equal([
      'AuthorizationPolicy/bar/all',
      'AuthorizationPolicy/istio-system/mesh',
      'PeerAuthentication/bar/other',
      'PeerAuthentication/istio-system/mesh',
    ]);
  });

  it('of a router is what decides about requests, and the Gateways of any namespace that choose it', () => {
    const edge = { istio: 'ingressgateway' };
    const some = snapshotOf(
      peerAuthentication(root, 'mesh', 'STRICT'),
      sidecarResource('foo', 'scope'),
      authorizationPolicy('foo', 'edge', 'DENY', [{}], edge),
      authorizationPolicy('foo', 'api', 'DENY', [{}], { app: 'api' }),
      gateway('bar', 'chosen', edge),
      gateway('foo', 'every', {}),
      gateway('foo', 'other', { istio: 'egressgateway' }),
    );
    const router = { ...view('foo', edge), kind: 'router' as const };
    expect([...new Reach().of(router, some).applied].sort()).to.deep.equal([
      'AuthorizationPolicy/foo/edge',
      'Gateway/bar/chosen',
      'Gateway/foo/every',
    ]);
  });

  it('of Sidecars is one: by selector before the namespace, before the root namespace', () => {
    const some = snapshotOf(
      sidecarResource(root, 'mesh'),
      aged('foo', 'young', {}, 2),
      aged('foo', 'old', {}, 1),
      aged('foo', 'web', { app: 'web' }, 3),
      aged('bar', 'api', { app: 'api' }),
    );
    const sidecars = (namespace: string, labels = {}) => {
      const { applied, overridden } = new Reach().of(view(namespace, labels), some);
      return [...applied, '|', ...overridden].join(' ').replaceAll('Sidecar/', '');
    };
    expect(sidecars('foo', { app: 'web' })).to.equal('foo/web | foo/old foo/young istio-system/mesh');
    expect(sidecars('foo')).to.equal('foo/old | foo/young istio-system/mesh');
    expect(sidecars('bar')).to.equal('istio-system/mesh |');
    expect(sidecars(root)).to.equal('istio-system/mesh |');
  });

  it('is found anew only when a policy of the namespace or the root namespace changes', () => {
    const store = new Store(defaultMesh);
    const reach = new Reach();
    const web = view('foo', { app: 'web' });
    store.commit([{ type: 'reset', objects: [authorizationPolicy('foo', 'all', 'ALLOW', [{}])] }]);
    const first = reach.of(web, store.snapshot);
    store.commit([{ type: 'apply', object: pod('foo', 'web-1', '10.0.0.1') }]);
    store.commit([{ type: 'apply', object: authorizationPolicy('bar', 'all', 'ALLOW', [{}]) }]);
    expect(reach.of(web, store.snapshot)).to.equal(first);
    store.commit([{ type: 'apply', object: peerAuthentication(root, 'mesh', 'STRICT') }]);
    expect([...reach.of(web, store.snapshot).applied]).to.have.members([
      'AuthorizationPolicy/foo/all',
      'PeerAuthentication/istio-system/mesh',
    ]);
  });
});
