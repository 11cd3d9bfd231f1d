import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { affected } from '../../../src/translate/affected.ts';
import { Policies } from '../../../src/translate/policies.ts';
import { labelsRead, viewOf } from '../../../src/translate/view.ts';
import { gatewayDocument, objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { destinationRule, noPolicy, peerAuthentication, pod, service, sidecar } from '../../support/objects.ts';
import { httpRoute, virtualService } from '../../support/virtual-services.ts';

const gateway = (name: string, credentialName: string, mode: string, selector: Labels) =>
  objectsOf(
    gatewayDocument(
      name,
      [{ port: 443, name: 'https', protocol: 'HTTPS', hosts: ['*'], tls: { mode, credentialName } }],
      { namespace: 'shop', selector },
    ),
  );

/** Of two routers in each of two namespaces, one is chosen by Gateway `shop/in`, and one by `shop/out`. */
const world: readonly MeshObject[] = [
  ...gateway('in', 'c', 'SIMPLE', { edge: 'in' }),
  ...gateway('out', 'd', 'MUTUAL', { edge: 'out' }),
  service('shop', 'web', [[80, 8080, 'http']]),
  virtualService('shop', 'web', ['web.example'], {
    gateways: ['shop/in', 'mesh'],
    http: [
      httpRoute('web.shop.svc.cluster.local'),
      httpRoute('', [], { action: { kind: 'delegate', to: { namespace: 'shop', name: 'more' } } }),
    ],
  }),
  virtualService('shop', 'inside', ['web.shop.svc.cluster.local'], { http: [httpRoute('api.shop.svc.cluster.local')] }),
];

/** The proxies that are compiled anew. */
function touched(...events: readonly SourceEvent[]): readonly string[] {
  const store = new Store(defaultMesh);
  const before = store.commit([{ type: 'reset', objects: world }]).snapshot;
  const { snapshot, changes } = store.commit(events);
  const { views } = affected(before, snapshot, changes);
  return ['edge', 'bar'].flatMap((namespace) =>
    ['in', 'out'].flatMap((edge) =>
      (['router', 'sidecar'] as const).flatMap((kind) => {
        const proxy = sidecar(pod(namespace, 'gate', '', { labels: { edge } }), { kind });
        const view = viewOf(snapshot, proxy, labelsRead(snapshot, namespace, new Policies(snapshot)));
        const candidate = views.namespaces === 'all' || views.namespaces.has(namespace);
        return candidate && views.reads(view) ? [`${kind === 'router' ? '' : 'sidecar '}${edge}.${namespace}`] : [];
      }),
    ),
  );
}

const apply = (...objects: readonly MeshObject[]): readonly SourceEvent[] =>
  objects.map((object) => ({ type: 'apply', object }));
const remove = ({ kind, meta: { namespace, name } }: Pick<MeshObject, 'kind' | 'meta'>): SourceEvent => ({
  type: 'delete',
  ref: { kind, namespace, name },
});
const secret = (name: string, namespace: string) =>
  apply(...objectsOf(secretYaml(name, { 'tls.crt': 'x' }, namespace)));

describe('affected routers', () => {
  it('are those that a Gateway chose or chooses, in any namespace', () => {
    expect(touched(...apply(...gateway('in', 'e', 'SIMPLE', { edge: 'in' })))).to.deep.equal(['in.edge', 'in.bar']);
    expect(touched(...apply(...gateway('in', 'c', 'SIMPLE', { edge: 'out' })))).to.deep.equal([
      'in.edge',
      'out.edge',
      'in.bar',
      'out.bar',
    ]);
    const [first] = gateway('out', 'd', 'MUTUAL', {});
    expect(touched(...(first === undefined ? [] : [remove(first)]))).to.deep.equal(['out.edge', 'out.bar']);
  });

  it('of a Secret are those of its namespace whose Gateways name it', () => {
    expect(touched(...secret('c', 'edge'))).to.deep.equal(['in.edge']);
    expect(touched(...secret('c', 'shop'))).to.deep.equal([]);
    expect(touched(...secret('c-cacert', 'edge')), 'SIMPLE asks clients for nothing').to.deep.equal([]);
    expect(touched(...secret('d-cacert', 'bar'))).to.deep.equal(['out.bar']);
    expect(touched(...secret('other', 'edge'))).to.deep.equal([]);
  });

  it('of a VirtualService are those of the Gateways that it names, as itself or through one that delegates to it', () => {
    const route = { gateways: ['shop/out'], http: [httpRoute('web.shop.svc.cluster.local')] };
    expect(touched(...apply(virtualService('bar', 'new', ['a.example'], route)))).to.deep.equal([
      'out.edge',
      'out.bar',
    ]);
    expect(touched(...apply(virtualService('shop', 'web', ['a.example'], route)))).to.deep.equal([
      'in.edge',
      'out.edge',
      'in.bar',
      'out.bar',
    ]);
    const more = virtualService('shop', 'more', [], { http: [httpRoute('web.shop.svc.cluster.local')] });
    expect(touched(...apply(more))).to.deep.equal(['in.edge', 'in.bar']);
    expect(
      touched(...apply(virtualService('shop', 'mesh', ['a.example'], { ...route, gateways: ['mesh'] }))),
    ).to.deep.equal([]);
  });

  it('of a service, or a rule for it, are those whose routes lead to it', () => {
    const named = (name: string) => apply(service('shop', name, [[81, 8080, 'http']]));
    expect(touched(...named('web'))).to.deep.equal(['in.edge', 'in.bar']);
    expect(touched(...named('api')), 'sidecars alone go there').to.deep.equal([]);
    expect(touched(...apply(destinationRule('shop', 'all', '*.shop.svc.cluster.local', noPolicy)))).to.deep.equal([
      'in.edge',
      'in.bar',
    ]);
  });

  it('are none for how sidecars take traffic', () => {
    expect(touched(...apply(peerAuthentication('istio-system', 'default', 'STRICT')))).to.deep.equal([
      'sidecar in.edge',
      'sidecar out.edge',
      'sidecar in.bar',
      'sidecar out.bar',
    ]);
  });
});
