import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Labels } from '../../../src/model/object.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { edgeFindings } from '../../../src/translate/edge-findings.ts';
import { snapshotIn } from '../../support/compiled.ts';
import { gatewayDocument, objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { pod, service } from '../../support/objects.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';

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

  it('is told of the rules by which they call, where they follow them', () => {
    const rule = (namespace: string, name: string, spec: object): readonly MeshObject[] =>
      objectsOf(
        JSON.stringify({
          apiVersion: 'networking.istio.io/v1',
          kind: 'DestinationRule',
          metadata: { name, namespace },
          spec: { host: 'api.back.svc.cluster.local', ...spec },
        }),
      );
    const tls = (credentialName: string) => ({ mode: 'MUTUAL', credentialName });
    const api = service('back', 'api', [[80, 8080, 'http']]);
    const own = gateway('own', ingress).concat(objectsOf(secretYaml('own', {})));
    const found = (...objects: readonly MeshObject[]): readonly string[] =>
      edgeFindings(snapshotIn({}, [...own, router('edge', 'one'), api, ...objects]))
        .filter(({ object }) => object.startsWith('DestinationRule'))
        .map(({ object, field, message, severity }) => `${severity} ${object} ${field}: ${message}`);
    const after = 'there is no Secret edge/a: what gateways of its namespace send by this rule gets 503';
    const all = { trafficPolicy: { tls: tls('a') } };
    expect(found(...rule('back', 'r', all))).to.deep.equal([
      `warning DestinationRule/back/r spec.trafficPolicy.tls.credentialName: ${after}`,
    ]);
    const ports = { trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: tls('a') }] } };
    expect(found(...rule('edge', 'r', ports))).to.deep.equal([
      `warning DestinationRule/edge/r spec.trafficPolicy.portLevelSettings.tls.credentialName: ${after}`,
    ]);
    const subset = { subsets: [{ name: 'v', labels: { v: '1' }, trafficPolicy: { tls: tls('a') } }] };
    expect(found(...rule('back', 'r', subset))).to.deep.equal([
      `warning DestinationRule/back/r spec.subsets[0].trafficPolicy.tls.credentialName: ${after}`,
    ]);
    const elsewhere = [
      rule('front', 'r', all),
      rule('back', 'r', { ...all, exportTo: ['.'] }),
      rule('edge', 'r', { ...all, workloadSelector: { matchLabels: { app: 'other' } } }),
      [...rule('back', 'r', all), ...rule('edge', 'first', { trafficPolicy: { tls: { mode: 'DISABLE' } } })],
      rule('back', 'r', { ...all, host: 'nobody.back.svc.cluster.local' }),
    ];
    for (const objects of elsewhere) expect(found(...objects)).to.deep.equal([]);
    const [certificate, key] = [makeCertificate(makeAuthority('a'), 'a'), makeCertificate(makeAuthority('b'), 'b')];
    const secret = (of: Readonly<Record<string, string>>) => objectsOf(secretYaml('a', of));
    const pair = { 'tls.crt': certificate.certificate, 'tls.key': certificate.key };
    expect(found(...rule('back', 'r', all), ...secret({ ...pair, 'ca.crt': certificate.certificate }))).to.deep.equal(
      [],
    );
    expect(found(...rule('back', 'r', all), ...secret(pair))).to.deep.equal([
      'warning DestinationRule/back/r spec.trafficPolicy.tls.credentialName: Secret edge/a: has neither ca.crt nor cacert: what gateways of its namespace send by this rule gets 503',
    ]);
    expect(found(...rule('back', 'r', all), ...secret({ ...pair, 'tls.key': key.key }))).to.have.length(2);
  });

  it('is not told where nothing is known to be a gateway', () => {
    expect(said(...gateway('shop', ingress), router('edge', 'web', { app: 'web' }))).to.deep.equal([]);
    expect(said(...gateway('shop', {}), router('edge', 'one'))).to.deep.equal([]);
  });
});
