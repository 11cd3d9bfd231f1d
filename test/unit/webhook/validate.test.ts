import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { answerValidate } from '../../../src/webhook/validate.ts';
import { peerAuthentication, pod, service } from '../../support/objects.ts';
import { cli } from '../cli/run-cli.ts';

const policy = (spec: object, more: object = {}): Readonly<Record<string, unknown>> => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'web', namespace: 'shop', ...more },
  spec,
});
const bad = policy({ mtls: { mode: 'STRIKT' }, portLevelMtls: { 80: { mode: 'STRICT' } } });

function ask(
  object: unknown,
  more: object = {},
  known: Parameters<typeof answerValidate>[1]['knownObjects'] = () => [],
) {
  const request = {
    uid: 'u',
    operation: 'CREATE',
    kind: { group: 'security.istio.io', kind: 'PeerAuthentication' },
    namespace: 'shop',
    subResource: '',
    object,
    oldObject: undefined,
    ...more,
  };
  return answerValidate(request, { mesh: () => defaultMesh, knownObjects: known });
}

const namespace = (name: string): MeshObject => ({
  kind: 'Namespace',
  meta: { ...pod('', name, '10.0.0.1').meta, name, namespace: '' },
});

const allowed = { kind: 'allowed', warnings: [] } as const;

describe('webhook/validate', () => {
  it('lets in what is right', () => {
    expect(ask(policy({ mtls: { mode: 'STRICT' } }))).to.deep.equal(allowed);
  });

  it('refuses with every field, what is wrong with it, and what to do: the words of coxswain validate', async () => {
    const answer = ask(bad);
    if (answer.kind !== 'denied') throw new Error('let in');
    const parts = answer.message.split('; ');
    expect(parts).to.have.length(2);
    expect(parts[0]).to.match(/^spec\.mtls\.mode: .*STRIKT.* \(hint: .*STRICT/);
    const { stdout } = await cli(['validate', '-f', '-'], { input: JSON.stringify(bad) });
    for (const words of parts) expect(stdout).to.contain(`error ${words}\n`);
  });

  it('takes the namespace of the request for an object that names none', () => {
    const answer = ask({ ...policy({ mtls: { mode: 'STRICT' } }), metadata: { name: 'web' } }, {}, () => [
      namespace('shop'),
      namespace('other'),
    ]);
    expect(answer).to.deep.equal(allowed);
  });

  it('lets by what can make nothing worse', () => {
    expect(ask(bad, { operation: 'DELETE' })).to.deep.equal(allowed);
    expect(ask(bad, { subResource: 'status' })).to.deep.equal(allowed);
    expect(
      ask({ ...bad, metadata: { name: 'web', deletionTimestamp: '2026-11-28T00:00:00Z' } }, { operation: 'UPDATE' }),
    ).to.deep.equal(allowed);
    const relabelled = ask(
      { ...bad, metadata: { name: 'web', labels: { a: 'b' } } },
      { operation: 'UPDATE', oldObject: bad },
    );
    expect(relabelled.kind).to.equal('allowed');
    expect(relabelled.warnings).to.not.deep.equal([]);
    expect(ask(bad, { operation: 'UPDATE', oldObject: policy({}) }).kind).to.equal('denied');
  });

  it('lets in kinds that are not evaluated, and says so', () => {
    const answer = ask({ ...policy({}), apiVersion: 'rbac.istio.io/v1alpha1', kind: 'ServiceRole' });
    expect(answer).to.deep.equal({
      kind: 'allowed',
      warnings: ['kind: ServiceRole is not supported by this version: nothing is enforced by it'],
    });
    expect(ask({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } })).to.deep.equal(allowed);
    expect(ask({ ...policy({}), kind: 'FuturePolicy' }).kind).to.equal('allowed');
  });

  it('warns of what only shows among other objects, and only about this one', () => {
    const selecting = policy({ selector: { matchLabels: { app: 'nobody' } }, mtls: { mode: 'STRICT' } });
    const known = () => [
      namespace('shop'),
      pod('shop', 'web-1', '10.0.0.1'),
      peerAuthentication('shop', 'old', 'STRICT', { labels: { app: 'nobody-either' } }),
    ];
    const { warnings } = ask(selecting, {}, known);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/selector/);
    expect(warnings.every((text) => text.length <= 120)).to.equal(true);
    // What is there of this name now makes room for what is to come.
    const same = [...known(), peerAuthentication('shop', 'web', 'STRICT', { labels: { app: 'gone' } })];
    expect(ask(selecting, { operation: 'UPDATE' }, () => same).warnings).to.deep.equal(warnings);
  });

  it('looks into all namespaces for what names objects there', () => {
    const routes = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        hosts: ['web.example'],
        gateways: ['edge/public', 'edge/gone'],
        http: [{ route: [{ destination: { host: 'web.backend.svc.cluster.local', port: { number: 80 } } }] }],
      },
    };
    const known = (): readonly MeshObject[] => [
      namespace('shop'),
      service('backend', 'web', [[80, 8080, 'http']]),
      {
        kind: 'Gateway',
        meta: { ...pod('edge', 'public', '10.0.0.1').meta },
        selector: { matchLabels: {} },
        servers: [
          {
            index: 0,
            port: 80,
            portName: 'http',
            bind: '',
            hosts: [{ namespace: undefined, host: 'web.example' }],
            protocol: 'HTTP',
            tls: undefined,
            httpsRedirect: false,
          },
        ],
      },
    ];
    const kind = { group: 'networking.istio.io', kind: 'VirtualService' };
    const { warnings } = ask(routes, { kind }, known);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/^spec\.gateways\[1\]: Gateway edge\/gone is not known/);
  });

  it('refuses what is no object', () => {
    for (const object of [undefined, null, 'x', []]) expect(ask(object).kind, String(object)).to.equal('denied');
  });
});
