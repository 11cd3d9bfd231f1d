import { expect } from 'chai';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import { edgeFindings } from '../../../src/translate/edge-findings.ts';
import { snapshotIn } from '../../support/compiled.ts';
import { gatewayDocument, objectsOf } from '../../support/gateway-documents.ts';
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

  it('is not told where nothing is known to be a gateway', () => {
    expect(said(...gateway('shop', ingress), router('edge', 'web', { app: 'web' }))).to.deep.equal([]);
    expect(said(...gateway('shop', {}), router('edge', 'one'))).to.deep.equal([]);
  });
});
