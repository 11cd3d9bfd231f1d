import { expect } from 'chai';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { EgressListener, ImportedHost } from '../../../../src/model/sidecar.ts';
import {
  boundPorts,
  importedPorts,
  outboundPolicyOf,
  sidecarOf,
} from '../../../../src/translate/policy/sidecar-scope.ts';
import { meta, sidecarResource, snapshotOf } from '../../../support/objects.ts';

const web = { kind: 'sidecar', namespace: 'shop', labels: { app: 'web' } } as const;

describe('sidecarOf', () => {
  const selecting = (name: string, createdAt: number, app: string) =>
    sidecarResource('shop', name, { meta: meta('shop', name, { createdAt }), selector: { matchLabels: { app } } });
  const wide = (namespace: string, name: string, createdAt: number) =>
    sidecarResource(namespace, name, { meta: meta(namespace, name, { createdAt }) });
  const chosen = (...objects: readonly MeshObject[]) => sidecarOf(snapshotOf(objects), web)?.meta.name;

  it('prefers one that selects the workload, then its namespace, then the root namespace', () => {
    const root = wide('istio-system', 'root', 1);
    const own = wide('shop', 'own', 2);
    const selected = selecting('selected', 3, 'web');
    expect(chosen(root, own, selected)).to.equal('selected');
    expect(chosen(root, own, selecting('other', 1, 'db'))).to.equal('own');
    expect(chosen(root, wide('bank', 'bank', 1))).to.equal('root');
    expect(chosen(wide('bank', 'bank', 1))).to.equal(undefined);
  });

  it('prefers the oldest of equals', () => {
    expect(chosen(wide('shop', 'young', 2), wide('shop', 'old', 1))).to.equal('old');
    expect(chosen(selecting('young', 2, 'web'), selecting('old', 1, 'web'))).to.equal('old');
    expect(chosen(wide('istio-system', 'young', 2), wide('istio-system', 'old', 1))).to.equal('old');
  });

  it('takes no Sidecar of the root namespace that selects', () => {
    const root = sidecarResource('istio-system', 'root', { selector: { matchLabels: { app: 'web' } } });
    expect(chosen(root)).to.equal(undefined);
    expect(sidecarOf(snapshotOf([root]), { ...web, namespace: 'istio-system' })?.meta.name).to.equal('root');
  });

  it('has none for gateways', () => {
    expect(sidecarOf(snapshotOf([wide('shop', 'own', 1)]), { ...web, kind: 'router' })).to.equal(undefined);
  });
});

describe('outboundPolicyOf', () => {
  it('is what the Sidecar says, else what the mesh says', () => {
    const policy = { mode: 'REGISTRY_ONLY', egressProxy: undefined } as const;
    expect(outboundPolicyOf(sidecarResource('shop', 'x', { outboundPolicy: policy }), defaultMesh)).to.equal(policy);
    expect(outboundPolicyOf(sidecarResource('shop', 'x'), defaultMesh)).to.deep.equal({
      mode: 'ALLOW_ANY',
      egressProxy: undefined,
    });
    expect(outboundPolicyOf(undefined, { ...defaultMesh, outboundTrafficPolicy: 'REGISTRY_ONLY' })).to.deep.equal(
      policy,
    );
  });
});

describe('importedPorts', () => {
  const service = {
    host: 'api.bank.svc.cluster.local',
    namespace: 'bank',
    exportTo: 'all',
    ports: [{ port: 80 }, { port: 9000 }],
  } as const;
  const listener = (port: number | undefined, ...hosts: readonly ImportedHost[]): EgressListener => ({
    port: port === undefined ? undefined : { number: port, name: '', protocol: 'http' },
    bind: '',
    captureMode: 'DEFAULT',
    hosts,
  });
  const ports = (...egress: readonly EgressListener[]) =>
    importedPorts(sidecarResource('shop', 'x', { egress }), 'shop', service);
  const everything: ImportedHost = { namespace: undefined, host: '*' };

  it('are all without a Sidecar, or with one that says nothing of what goes out', () => {
    expect(importedPorts(undefined, 'shop', service)).to.deep.equal([80, 9000]);
    expect(importedPorts(sidecarResource('shop', 'x'), 'shop', service)).to.deep.equal([80, 9000]);
  });

  it('are none of a service that is not exported to the client', () => {
    const hidden = { ...service, exportTo: ['bank'] };
    expect(importedPorts(undefined, 'shop', hidden)).to.deep.equal([]);
    expect(
      importedPorts(sidecarResource('shop', 'x', { egress: [listener(undefined, everything)] }), 'shop', hidden),
    ).to.deep.equal([]);
    expect(importedPorts(undefined, 'bank', hidden)).to.deep.equal([80, 9000]);
  });

  it('follow namespace and host', () => {
    expect(ports(listener(undefined, everything))).to.deep.equal([80, 9000]);
    expect(ports(listener(undefined, { namespace: 'bank', host: '*' }))).to.deep.equal([80, 9000]);
    expect(ports(listener(undefined, { namespace: 'shop', host: '*' }))).to.deep.equal([]);
    expect(ports(listener(undefined, { namespace: undefined, host: '*.bank.svc.cluster.local' }))).to.deep.equal([
      80, 9000,
    ]);
    expect(ports(listener(undefined, { namespace: undefined, host: 'db.bank.svc.cluster.local' }))).to.deep.equal([]);
    expect(ports(listener(undefined))).to.deep.equal([]);
  });

  it('follow the listener of their own where there is one', () => {
    expect(ports(listener(80, everything))).to.deep.equal([80]);
    expect(ports(listener(80), listener(undefined, everything))).to.deep.equal([9000]);
    expect(ports(listener(80, everything), listener(undefined, { namespace: 'shop', host: '*' }))).to.deep.equal([80]);
  });

  it('are those of a wildcard service of which one name is imported', () => {
    const wild = { ...service, host: '*.example.com' };
    const egress = [listener(undefined, { namespace: 'bank', host: 'api.example.com' })];
    expect(importedPorts(sidecarResource('shop', 'x', { egress }), 'shop', wild)).to.deep.equal([80, 9000]);
  });
});

describe('boundPorts', () => {
  const port = { number: 80, name: '', protocol: 'http' } as const;
  const of = (more: Partial<EgressListener>) =>
    boundPorts(
      sidecarResource('foo', 'x', { egress: [{ port, bind: '', captureMode: 'DEFAULT', hosts: [], ...more }] }),
    );

  it('are those of listeners that say where, or that nothing is intercepted for', () => {
    expect(boundPorts(undefined)).to.deep.equal([]);
    expect(of({})).to.deep.equal([]);
    expect(of({ captureMode: 'NONE' })).to.deep.equal([{ address: '127.0.0.1', port: 80, http: true }]);
    expect(of({ bind: '10.0.0.1', port: { ...port, protocol: 'tcp' } })).to.deep.equal([
      { address: '10.0.0.1', port: 80, http: false },
    ]);
  });

  it('are on the loopback where the listener is at every address: others must not use the identity of the pod', () => {
    for (const bind of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])
      expect(of({ bind }), bind).to.deep.equal([{ address: '127.0.0.1', port: 80, http: true }]);
  });

  it('are none at a Unix socket, and without a port', () => {
    expect(of({ bind: '/run/out.sock' })).to.deep.equal([]);
    expect(of({ port: undefined })).to.deep.equal([]);
  });
});
