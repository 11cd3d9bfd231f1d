import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { objectsOf } from '../../../support/gateway-documents.ts';
import { service } from '../../../support/objects.ts';
import { at, httpRoute, virtualService } from '../../../support/virtual-services.ts';

const destination = (host: string, subset = '', port?: number) => ({ host, subset, port });
const to = (host: string, subset = '', port?: number) => ({
  destination: destination(host, subset, port),
  weight: 1,
  headers: undefined,
});

const known = [
  service('foo', 'web', [[80, 8080, 'http']]),
  service('foo', 'alias', [], { externalName: 'a.test' }),
  ...objectsOf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: out, namespace: foo }
spec:
  hosts: [out.test]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: foo }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: all, namespace: foo }
spec: { host: "*.test", subsets: [{ name: far, labels: { version: far } }] }`),
];

const said = (objects: readonly MeshObject[]): readonly string[] =>
  lint(objects, defaultMesh).map(({ code, field, message, hint }) => `${field} ${code}: ${message} (${hint})`);

describe('lint of destinations', () => {
  it('leaves those alone that are there', () => {
    const all = [to('web', 'v1', 80), to('web.foo.svc.cluster.local'), to('out.test', 'far', 443), to('alias', '', 99)];
    const http = [httpRoute('', [], { action: { kind: 'forward', destinations: all } })];
    expect(said([...known, virtualService('foo', 'v', ['web'], { http })])).to.deep.equal([]);
    expect(said([virtualService('foo', 'v', ['web'], { http })]), 'without any service').to.deep.equal([]);
  });

  it('names a host, a port and a subset that nobody has, wherever they stand', () => {
    const mirrors = [{ destination: destination('out.test', 'near', 80), percent: 100 }];
    const nowhere = { ...at('/'), sniHosts: ['a.test'], destinationSubnets: [], sourceSubnets: [] };
    const v = virtualService('foo', 'v', ['a.test'], {
      http: [httpRoute('wep', [], { mirrors })],
      tls: [{ matches: [nowhere], destinations: [to('web', '', 443)] }],
      tcp: [{ matches: [], destinations: [to('web.bar')] }],
    });
    expect(said([...known, v])).to.deep.equal([
      'spec.http[0].route unknown-host: no service has host wep.foo.svc.cluster.local: what is sent there gets 503 (did you mean "web.foo.svc.cluster.local"?)',
      'spec.http[0].mirrors unknown-port: out.test has no port 80: what is sent there gets 503 (use one of: 443)',
      'spec.http[0].mirrors unknown-subset: no DestinationRule for out.test has a subset near: what is sent there gets 503 (add it to spec.subsets of one)',
      'spec.tls[0].route unknown-port: web.foo.svc.cluster.local has no port 443: what is sent there gets 503 (use one of: 80)',
      'spec.tcp[0].route unknown-host: no service has host web.bar: what is sent there gets 503 (create the service, or correct the name)',
    ]);
  });
});
