import { expect } from 'chai';
import { Reach } from '../../../../src/cluster/status/reach.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { Store } from '../../../../src/snapshot/store.ts';
import { authorizationPolicy, peerAuthentication, pod } from '../../../support/objects.ts';
import { view } from '../../../support/status-facts.ts';

function snapshotOf(...objects: readonly MeshObject[]) {
  return new Store(defaultMesh).commit([{ type: 'reset', objects }]).snapshot;
}

const root = 'istio-system';

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

  it('of a router is nothing', () => {
    const router = { ...view('foo'), kind: 'router' as const };
    expect(new Reach().of(router, snapshot).applied.size).to.equal(0);
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
