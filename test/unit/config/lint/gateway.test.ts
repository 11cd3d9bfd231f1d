import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { gatewayDocument, objectsOf, type TestServer } from '../../../support/gateway-documents.ts';
import { pod } from '../../../support/objects.ts';

const said = (...objects: readonly (readonly MeshObject[])[]): readonly string[] =>
  lint(objects.flat(), defaultMesh).map(({ object, code, field, message }) => `${object} ${field} ${code}: ${message}`);

const gateway = (name: string, servers: readonly TestServer[], more: object = {}): readonly MeshObject[] =>
  objectsOf(gatewayDocument(name, servers, more));
const http = (port: number, hosts: readonly string[], more: Partial<TestServer> = {}): TestServer => ({
  ...{ port, name: `http-${port}`, protocol: 'HTTP', hosts },
  ...more,
});
const tls = (port: number, hosts: readonly string[]): TestServer => ({
  ...{ port, name: `tls-${port}`, protocol: 'TLS', hosts },
  tls: { mode: 'PASSTHROUGH' },
});
const tcp = (port: number): TestServer => ({ port, name: `tcp-${port}`, protocol: 'TCP', hosts: ['*'] });

const left = 'on gateways that both choose, this server is left out';

describe('lint of Gateways', () => {
  it('leaves those alone that share ports without taking anything from each other', () => {
    const found = said(
      gateway('a', [http(80, ['a.example']), tls(443, ['a.example']), tcp(3306)]),
      gateway('b', [http(80, ['a.example', 'b.example']), tls(443, ['b.example']), tcp(3307)]),
      gateway('c', [http(3306, ['c.example'])], { selector: { istio: 'egressgateway' } }),
    );
    expect(found).to.deep.equal([]);
  });

  it('names the younger of two servers that can not both have a port or a host', () => {
    const found = said(
      gateway('a', [http(80, ['a.example']), tls(443, ['a.example', 'b.example']), tcp(3306)]),
      gateway('b', [tls(80, ['*']), tls(443, ['b.example']), tcp(3306)]),
      gateway('c', [http(80, ['c.example'], { bind: '0.0.0.0' }), tls(443, ['b.example', 'c.example'])]),
    );
    const by = 'Gateway/edge/b spec.servers';
    expect(found).to.deep.equal([
      `${by}[0].port gateway-conflict: port 80 is already Gateway edge/a's, for plaintext HTTP: ${left}`,
      `${by}[1].hosts gateway-conflict: host b.example is already Gateway edge/a's on port 443: ${left}`,
      `${by}[2].port gateway-conflict: port 3306 is already Gateway edge/a's, and TCP can not be told apart: ${left}`,
      `Gateway/edge/c spec.servers[1].hosts gateway-conflict: host b.example is already Gateway edge/a's on port 443: ${left}`,
    ]);
  });

  it('compares those that choose one gateway, known or possible', () => {
    const both = [
      gateway('a', [http(80, ['*'])], { selector: { app: 'one' } }),
      gateway('b', [tcp(80)], { selector: { app: 'one', zone: 'x' } }),
    ];
    const [one] = said(...both);
    expect(one).to.match(/^Gateway\/edge\/b .* gateway-conflict/);
    const apart = [
      pod('edge', 'gw-1', '10.0.0.1', { labels: { app: 'one' } }),
      pod('edge', 'gw-2', '10.0.0.2', { labels: { app: 'two', zone: 'x' } }),
    ];
    const two = gateway('b', [tcp(80)], { selector: { zone: 'x' } });
    expect(said(gateway('a', [http(80, ['*'])], { selector: { app: 'one' } }), two, apart)).to.deep.equal([]);
  });

  it('warns of two servers of one host of which one redirects to https', () => {
    const found = said(
      gateway('a', [http(80, ['a.example'], { tls: { httpsRedirect: true } })]),
      gateway('b', [http(80, ['a.example'])]),
    );
    expect(found).to.deep.equal([
      "Gateway/edge/b spec.servers[0].tls.httpsRedirect redirect-differs: host a.example of port 80 is redirected to https by one of two servers, the other is Gateway edge/a's: it is redirected",
    ]);
  });

  it('warns of a selector that chooses nothing', () => {
    const found = said(gateway('a', [http(80, ['*'])]), [pod('edge', 'gw-1', '10.0.0.1')]);
    expect(found).to.deep.equal([
      'Gateway/edge/a spec.selector selects-nothing: no workload in the mesh has these labels: no gateway opens these ports',
    ]);
  });
});
