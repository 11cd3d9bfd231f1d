import { expect } from 'chai';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Proxy } from '../../../src/model/proxy.ts';
import { Policies } from '../../../src/translate/policies.ts';
import { labelsRead, viewOf } from '../../../src/translate/view.ts';
import {
  authorizationPolicy,
  peerAuthentication,
  pod,
  service,
  sidecar,
  sidecarResource,
  slice,
  snapshotOf,
} from '../../support/objects.ts';

const web = pod('foo', 'web-1', '10.0.0.1', {
  labels: { app: 'web', version: 'v1', 'pod-template-hash': 'abc' },
  namedPorts: { http: 8080 },
});

function view(objects: readonly MeshObject[], proxy: Proxy) {
  const snapshot = snapshotOf(objects);
  return viewOf(snapshot, proxy, labelsRead(snapshot, proxy.namespace, new Policies(snapshot)));
}

describe('labelsRead', () => {
  it('has the keys of all selectors of the namespace, and of authorization policies of the root namespace', () => {
    const snapshot = snapshotOf([
      service('foo', 'web', [], { selector: { app: 'web', tier: 'x' } }),
      service('foo', 'pinned', [], { selector: undefined }),
      peerAuthentication('foo', 'pa', 'STRICT', { labels: { version: 'v1' } }),
      authorizationPolicy('foo', 'ap', 'DENY', [], { role: 'x' }),
      authorizationPolicy('istio-system', 'ap', 'DENY', [], { mesh: 'x' }),
      peerAuthentication('istio-system', 'pa', 'STRICT', { labels: { ignored: 'there is no such scope' } }),
      service('bar', 'web', [], { selector: { elsewhere: 'x' } }),
      authorizationPolicy('bar', 'ap', 'DENY', [], { elsewhere: 'x' }),
      sidecarResource('foo', 'sc', { selector: { matchLabels: { part: 'x' } } }),
      sidecarResource('istio-system', 'sc', { selector: { matchLabels: { ignored: 'there is no such scope' } } }),
    ]);
    expect([...labelsRead(snapshot, 'foo', new Policies(snapshot))].sort()).to.deep.equal([
      'app',
      'mesh',
      'part',
      'role',
      'tier',
      'version',
    ]);
    expect([...labelsRead(snapshot, 'empty', new Policies(snapshot))]).to.deep.equal(['mesh']);
  });
});

describe('viewOf', () => {
  const selecting = service('foo', 'web', []);

  it('has the labels that something reads, and no others', () => {
    const { id, ...facts } = view([web, selecting], sidecar(web));
    expect(id).to.equal('foo/sidecar/vhds app=web ports(http:8080)');
    expect(facts).to.deep.equal({
      kind: 'sidecar',
      routes: 'vhds',
      registered: true,
      namespace: 'foo',
      labels: { app: 'web' },
      namedPorts: { http: 8080 },
      pinnedBy: [],
    });
  });

  it('is one for pods that differ only in noise', () => {
    const twin = pod('foo', 'web-2', '10.0.0.2', {
      labels: { 'pod-template-hash': 'def', version: 'v2', app: 'web' },
      namedPorts: { http: 8080 },
      serviceAccount: 'another',
    });
    const objects = [web, twin, selecting];
    expect(view(objects, sidecar(twin))).to.deep.equal(view(objects, sidecar(web)));
  });

  for (const [what, more, proxy] of [
    ['a label that is read', { labels: { app: 'other' } }, {}],
    ['the number of a named port', { namedPorts: { http: 9090 } }, {}],
    ['the name of a named port', { namedPorts: { web: 8080 } }, {}],
    ['how routes are taken', {}, { routes: 'inline' }],
    ['the kind of proxy', {}, { kind: 'router' }],
  ] as const) {
    it(`is another for ${what}`, () => {
      const other = pod('foo', 'web-2', '10.0.0.2', { labels: web.labels, namedPorts: web.namedPorts, ...more });
      const objects = [web, other, selecting];
      expect(view(objects, sidecar(other, proxy)).id).to.not.equal(view(objects, sidecar(web)).id);
    });
  }

  it('is another for the namespace', () => {
    const other = { ...web, meta: { ...web.meta, namespace: 'bar' } };
    expect(view([web, other], sidecar(other)).id).to.not.equal(view([web, other], sidecar(web)).id);
  });

  it('is another for a workload that a service without selector lists', () => {
    const pinned = service('foo', 'pinned', [[80, 8080, 'http']], { selector: undefined });
    const listed = slice('foo', 'pinned', ['http-80', 8080], [{ address: '10.0.0.1' }]);
    const { id, pinnedBy } = view([web, pinned, listed], sidecar(web));
    expect(pinnedBy).to.deep.equal([{ service: 'pinned', ports: [{ name: 'http-80', port: 8080 }] }]);
    expect(id).to.equal('foo/sidecar/vhds ports(http:8080) service(pinned http-80:8080)');
  });

  it('takes labels and address from the registry, whatever the node says of itself', () => {
    const claimed = sidecar(web, { labels: { app: 'admin' }, ip: '10.0.0.9' });
    expect(view([web, selecting], claimed)).to.deep.equal(view([web, selecting], sidecar(web)));
  });

  it('takes the word of the node only while the registry does not know the workload', () => {
    const objects = [selecting, service('foo', 'pinned', [], { selector: undefined })];
    const listed = slice('foo', 'pinned', ['http-80', 8080], [{ address: '10.0.0.1' }]);
    const { labels, namedPorts, pinnedBy } = view([...objects, listed], sidecar(web));
    expect({ labels, namedPorts, pinnedBy }).to.deep.equal({
      labels: { app: 'web' },
      namedPorts: {},
      pinnedBy: [{ service: 'pinned', ports: [{ name: 'http-80', port: 8080 }] }],
    });
  });

  // Regression: a security lesson of the field, "a cache key that missed an input gave one proxy another's config".
  it('is never shared by proxies of different labels, whatever characters a node writes into its labels', () => {
    const objects = [
      service('foo', 'a', [], { selector: { app: 'x', version: 'x' } }),
      service('foo', 'pinned', [[80, 8080, 'http']], { selector: undefined }),
      slice('foo', 'pinned', ['http-80', 8080], [{ address: '10.0.0.1' }]),
    ];
    const nodes: readonly Proxy[] = [
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web', version: 'v1' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web version=v1' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web service(pinned http-80:8080)' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.1', labels: { app: 'web' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web', version: '' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web version=' } }),
      sidecar(web, { name: 'unknown', ip: '10.0.0.9', labels: { app: 'web%20version=' } }),
    ];
    const ids = nodes.map((node) => view(objects, node).id);
    expect(new Set(ids).size, ids.join('\n')).to.equal(nodes.length);
  });
});
