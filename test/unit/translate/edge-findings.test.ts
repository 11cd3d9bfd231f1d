import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { edgeFindings } from '../../../src/translate/edge-findings.ts';
import { snapshotIn } from '../../support/compiled.ts';
import { gatewayDocument, objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { pod } from '../../support/objects.ts';

const ingress = { istio: 'ingressgateway' };
const gateway = (name: string, selector: Labels): readonly MeshObject[] =>
  objectsOf(
    gatewayDocument(
      name,
      [{ port: 443, name, protocol: 'HTTPS', hosts: ['a.example'], tls: { mode: 'SIMPLE', credentialName: name } }],
      { selector },
    ),
  );
const router = (namespace: string, name: string, labels: Labels = ingress): MeshObject =>
  pod(namespace, name, '10.0.0.1', { labels });

const said = (...objects: readonly MeshObject[]): readonly string[] =>
  edgeFindings(snapshotIn({}, objects)).map(({ object, message }) => `${object}: ${message}`);

describe('what of Gateways can not hold', () => {
  it('is found for the pods that they choose, though nobody of them is connected, and once for pods alike', () => {
    const found = said(...gateway('shop', ingress), router('edge', 'one'), router('edge', 'two'));
    expect(found).to.deep.equal([
      'Gateway/edge/shop: there is no Secret edge/shop: connections to this server are closed',
    ]);
  });

  it('is told for each namespace of such pods, as each has Secrets of its own', () => {
    expect(said(...gateway('shop', ingress), router('edge', 'one'), router('far', 'one'))).to.deep.equal([
      'Gateway/edge/shop: there is no Secret edge/shop: connections to this server are closed',
      'Gateway/edge/shop: there is no Secret far/shop: connections to this server are closed',
    ]);
  });

  it('is found anew only when something of the edge changes', () => {
    const store = new Store(defaultMesh);
    const commit = (...objects: readonly MeshObject[]) =>
      edgeFindings(store.commit(objects.map((object) => ({ type: 'apply', object }))).snapshot);
    const first = commit(...gateway('shop', ingress), router('edge', 'one'));
    expect(commit(pod('foo', 'web', '10.0.0.2'), router('edge', 'two'))).to.equal(first);
    expect(commit(router('far', 'one'))).to.have.length(2);
    expect(commit(...objectsOf(secretYaml('shop', { 'tls.crt': '' }))).map(({ code }) => code)).to.deep.equal([
      'credential-empty',
      'credential-missing',
    ]);
  });

  it('is not told where nothing is known to be a gateway', () => {
    expect(said(...gateway('shop', ingress), router('edge', 'web', { app: 'web' }))).to.deep.equal([]);
    expect(said(...gateway('shop', {}), router('edge', 'one'))).to.deep.equal([]);
  });
});
