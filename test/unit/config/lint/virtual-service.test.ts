import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { HttpRoute, VirtualService } from '../../../../src/model/virtual-service.ts';
import { gatewayDocument, objectsOf, type TestServer } from '../../../support/gateway-documents.ts';
import { pod } from '../../../support/objects.ts';
import { at, httpMatch, httpRoute, to, under, virtualService } from '../../../support/virtual-services.ts';

const said = (...objects: readonly (MeshObject | readonly MeshObject[])[]): readonly string[] =>
  lint(objects.flat(), defaultMesh).map(
    ({ severity, object, code, field, message }) =>
      `${severity === 'warning' ? '' : `${severity} `}${object} ${field} ${code}: ${message}`,
  );

const server = (hosts: readonly string[], more: Partial<TestServer> = {}): TestServer => ({
  ...{ port: 80, name: 'http', protocol: 'HTTP', hosts },
  ...more,
});
const gateway = (name: string, servers: readonly TestServer[]): readonly MeshObject[] =>
  objectsOf(gatewayDocument(name, servers));
const passthrough = { port: 443, name: 'tls', protocol: 'TLS', tls: { mode: 'PASSTHROUGH' } };
const plainTcp = { port: 3306, name: 'tcp', protocol: 'TCP' };

/** For `edge/gw`, with one route for everything. */
const on = (
  name: string,
  hosts: readonly string[],
  more: Partial<VirtualService> & { readonly createdAt?: number } = {},
): VirtualService =>
  virtualService('foo', name, hosts, { gateways: ['edge/gw'], http: [httpRoute('x.test')], ...more });
const v = 'VirtualService/foo';

describe('lint of VirtualServices', () => {
  it('says nothing of one that holds where it says', () => {
    expect(said(gateway('gw', [server(['*.example'])]), on('v', ['a.example']))).to.deep.equal([]);
    expect(said(virtualService('foo', 'alone', ['a.example'], { gateways: ['edge/gw'] }))).to.deep.equal([]);
  });

  it('names Gateways that are not there, or take none of its hosts', () => {
    const found = said(
      gateway('gw', [server(['a.example', 'bar/b.example'])]),
      on('none', ['a.example'], { gateways: ['edge/gv'] }),
      on('hosts', ['b.example']),
      on('some', ['a.example', 'c.example']),
      on('mesh', ['a.example', 'c.example'], {
        gateways: ['mesh', 'edge/gw'],
        http: [httpRoute('x.test', [at('/x')])],
      }),
    );
    expect(found.filter((each) => !each.includes('merged'))).to.deep.equal([
      `${v}/hosts spec.gateways[0] host-not-on-gateway: no server of Gateway edge/gw takes one of these hosts from namespace foo: these routes don't hold there`,
      `${v}/none spec.gateways[0] unknown-gateway: Gateway edge/gv is not known: these routes hold on no gateway by it`,
      `${v}/some spec.hosts[1] host-not-on-gateway: no server of its Gateways takes host c.example: nobody is routed by it`,
    ]);
  });

  it('warns of routes of another kind than the servers need, and of an export that hides it', () => {
    const found = said(
      gateway('gw', [server(['*'], { ...passthrough, protocol: 'HTTPS' }), server(['*'], plainTcp)]),
      pod('edge', 'gw-1', '10.0.0.1', { labels: { istio: 'ingressgateway' } }),
      on('v', ['a.example'], { exportTo: ['foo'] }),
    );
    expect(found.map((each) => each.replace(/: .*/, ''))).to.deep.equal([
      `${v}/v spec.gateways[0] no-routes-for-server`,
      `${v}/v spec.exportTo not-exported-to-gateway`,
    ]);
  });

  it('names the older one that sidecars follow for a host', () => {
    const young = (name: string, more: Partial<VirtualService> = {}) =>
      virtualService('bar', name, ['other.example', 'web.foo.svc.cluster.local'], { createdAt: 2, ...more });
    const found = said(
      virtualService('foo', 'old', ['web'], { createdAt: 1, exportTo: ['foo', 'bar'] }),
      young('young', { exportTo: ['bar'] }),
      young('elsewhere', { exportTo: ['baz'] }),
      young('edge', { gateways: ['edge/gw'] }),
    );
    expect(found).to.deep.equal([
      'VirtualService/bar/young spec.hosts[1] host-already-routed: sidecars follow VirtualService foo/old for host web.foo.svc.cluster.local, which is older: this one has no effect there',
    ]);
  });

  it('tells of delegates that are not there, or that nobody names', () => {
    const naming = (name: string): HttpRoute =>
      httpRoute('', [under(`/${name}`)], { action: { kind: 'delegate', to: { namespace: 'foo', name } } });
    const found = said(
      virtualService('foo', 'root', ['a.example'], { http: ['none', 'hosts', 'good'].map(naming) }),
      virtualService('foo', 'hosts', ['b.example']),
      virtualService('foo', 'good', [], { http: [httpRoute('x.test')] }),
      virtualService('foo', 'unused', [], { http: [httpRoute('x.test')] }),
    );
    expect(found.map((each) => each.replace(/: .*/, ''))).to.deep.equal([
      `${v}/root spec.http[0].delegate unknown-delegate`,
      `${v}/root spec.http[1].delegate delegate-has-hosts`,
      `${v}/unused spec.hosts unused-delegate`,
    ]);
  });

  it('warns of matches that hold for less than they say', () => {
    const subnets = { ...at('/'), sniHosts: [], destinationSubnets: [{ address: '10.0.0.0', prefixLength: 8 }] };
    const claims = [{ claim: ['a'], match: { kind: 'present' } as const }];
    const found = said(
      virtualService('foo', 'v', ['a.example'], {
        gateways: ['mesh', 'edge/gw'],
        http: [
          httpRoute('x.test', [at('/1', { gateways: ['edge/other'] }), httpMatch({ claims })]),
          httpRoute('x.test', [httpMatch({ withoutClaims: claims }, { gateways: ['edge/gw'] })]),
        ],
        tcp: [{ matches: [{ ...subnets, sourceSubnets: [] }], destinations: [to('x.test')] }],
      }),
    );
    expect(found.map((each) => each.replace(/: .*/, ''))).to.deep.equal([
      `${v}/v spec.http[0].match[0].gateways gateway-not-listed`,
      `${v}/v spec.http[0].match[1] claims-on-sidecars`,
      `${v}/v spec.tcp[0].match[0] not-supported`,
    ]);
  });
});

describe('lint of the order of routes', () => {
  const routes = (...http: readonly HttpRoute[]): readonly string[] =>
    said(virtualService('foo', 'v', ['a.example'], { http }));
  const never = (field: string, taker: number): string =>
    `${v}/v ${field} unreachable-route: is never reached: http[${taker}] takes all such requests before it`;

  it('names routes and matches from which an earlier one takes everything', () => {
    expect(routes(httpRoute('x.test', [at('/a'), under('/')]), httpRoute('x.test', [at('/b')]))).to.deep.equal([
      never('spec.http[1]', 0),
    ]);
    const found = routes(
      httpRoute('x.test', [under('/a')]),
      httpRoute('x.test', [
        at('/b'),
        at('/a/b'),
        httpMatch({ uri: { kind: 'prefix', value: '/A' }, ignoreUriCase: true }),
      ]),
      httpRoute('x.test', [under('/a/c', { sourceLabels: { app: 'x' } })]),
      httpRoute('x.test', [at('/b'), httpMatch({ uri: { kind: 'exact', value: '/aB' } })]),
    );
    expect(found).to.deep.equal([
      never('spec.http[1].match[1]', 0),
      never('spec.http[2]', 0),
      never('spec.http[3]', 1),
    ]);
  });

  it('leaves those alone that are for others, or that a delegate may leave open', () => {
    const only = { sourceLabels: { app: 'x' } };
    const delegate = httpRoute('', [], { action: { kind: 'delegate', to: { namespace: 'foo', name: 'd' } } });
    const found = routes(
      httpRoute('x.test', [httpMatch({}, only)]),
      delegate,
      httpRoute('x.test', [
        httpMatch({ uri: { kind: 'prefix', value: '/a' }, method: { kind: 'exact', value: 'PUT' } }),
      ]),
      httpRoute('x.test', [at('/a')]),
      httpRoute('x.test'),
    );
    expect(found.filter((each) => each.includes('unreachable'))).to.deep.equal([]);
  });

  it('names a TLS or TCP route whose connections an earlier one has', () => {
    const open = { ...at('/'), sniHosts: ['a.example'], destinationSubnets: [], sourceSubnets: [] };
    const found = said(
      virtualService('foo', 'v', ['*.example'], {
        tls: [
          { matches: [open], destinations: [to('x.test')] },
          { matches: [{ ...open, sniHosts: ['b.example', 'a.example'] }], destinations: [to('y.test')] },
        ],
        tcp: [
          { matches: [{ ...open, sniHosts: [], port: 1 }], destinations: [to('x.test')] },
          { matches: [], destinations: [to('y.test')] },
          { matches: [], destinations: [to('z.test')] },
        ],
      }),
    );
    expect(found).to.deep.equal([
      `${v}/v spec.tls[1] unreachable-route: connections of this route are already those of tls[0], which comes first`,
      `${v}/v spec.tcp[2] unreachable-route: connections of this route are already those of tcp[1], which comes first`,
    ]);
  });
});

describe('lint of what VirtualServices share on gateways', () => {
  const merged = (...objects: readonly (MeshObject | readonly MeshObject[])[]): readonly string[] =>
    said(...objects).map((each) => each.replace(`${v}/`, '').replace('virtual-services-merged: ', ''));
  const open = { ...at('/'), sniHosts: [], destinationSubnets: [], sourceSubnets: [] };

  it('tells the younger for a domain that the older goes first', () => {
    const found = merged(
      gateway('gw', [server(['*.example'])]),
      gateway('second', [server(['a.example'])]),
      on('all', ['a.example'], { createdAt: 1 }),
      on('b', ['a.example', 'b.example'], { createdAt: 2, gateways: ['edge/second', 'edge/gw'] }),
      on('c', ['a.example'], { createdAt: 3, http: [httpRoute('x.test', [at('/c')])] }),
    );
    const lost = ', and what matches everything here is never reached';
    const older = "is also VirtualService foo/all's, which is older: its routes come first";
    expect(found).to.deep.equal([
      `b spec.hosts[0] host a.example on port 80 of Gateway edge/second ${older}${lost}`,
      `b spec.hosts[0] host a.example on port 80 of Gateway edge/gw ${older}${lost}`,
      `info c spec.hosts[0] host a.example on port 80 of Gateway edge/gw ${older}`,
    ]);
  });

  it('tells the younger whose connections the older gets', () => {
    const tls = (name: string, host: string, sni: string): VirtualService =>
      on(name, [host], { http: [], tls: [{ matches: [{ ...open, sniHosts: [sni] }], destinations: [to('x.test')] }] });
    const tcp = (name: string, port: number | undefined): VirtualService =>
      on(name, ['db.example'], { http: [], tcp: [{ matches: [{ ...open, port }], destinations: [to('x.test')] }] });
    const found = merged(
      gateway('gw', [server(['*'], passthrough), server(['*'], plainTcp)]),
      tls('a', 'a.example', 'a.example'),
      tls('b', '*.example', 'a.example'),
      tls('c', '*.example', 'c.example'),
      tcp('d', undefined),
      tcp('e', 3306),
      tcp('f', 1),
    );
    const taken = (port: number, who: string) =>
      `connections of this route on port ${port} of Gateway edge/gw are already those of VirtualService foo/${who}, which is older: it gets them`;
    expect(found).to.deep.equal([`b spec.tls[0] ${taken(443, 'a')}`, `e spec.tcp[0] ${taken(3306, 'd')}`]);
  });
});
