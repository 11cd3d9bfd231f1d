import { any } from '@envoyproxy/protos';
import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { check } from '../../../src/translate/check.ts';
import { connectionSettings, outboundHttp, tcpProxy } from '../../../src/translate/envoy/http-connection-manager.ts';
import { resource } from '../../../src/translate/envoy/resource.ts';
import { inlineRoutes } from '../../../src/translate/envoy/route.ts';
import { translate } from '../../../src/translate/translate.ts';
import { snapshotIn } from '../../support/compiled.ts';
import {
  authorizationPolicy,
  grpcAuthorizer,
  peerAuthentication,
  pod,
  service,
  sidecar,
  snapshotOf,
} from '../../support/objects.ts';

const web = pod('foo', 'web-1', '10.0.0.1');
const objects = [
  web,
  service(
    'foo',
    'web',
    [
      [80, 8080, 'http'],
      [9000, 9000, 'tcp'],
      [7000, 7000, 'auto'],
    ],
    { addresses: ['10.96.0.1'] },
  ),
  peerAuthentication('foo', 'web', 'STRICT', { labels: { app: 'web' }, ports: [[9999, 'PERMISSIVE']] }),
  authorizationPolicy('foo', 'p', 'DENY', [{ to: { paths: ['/x'] } }]),
];

const messages = (resources: readonly Resource[]): readonly string[] => check(resources).map(({ message }) => message);
const compiled = (routes: 'vhds' | 'inline' = 'vhds'): readonly Resource[] =>
  translate(snapshotOf(objects), sidecar(web, { routes })).resources;
const without = (name: string, routes?: 'inline'): readonly Resource[] =>
  compiled(routes).filter((each) => each.name !== name);

const listener = (name: string, more: Parameters<typeof resource<'listener'>>[2]): Resource =>
  resource('listener', name, { name, address: { socketAddress: { address: '10.0.0.9', portValue: 1 } }, ...more });

describe('check', () => {
  it('finds nothing wrong with what we compile', () => {
    for (const routes of ['vhds', 'inline'] as const) expect(check(compiled(routes))).to.deep.equal([]);
  });

  it('reports a problem as an error that stops a publication', () => {
    expect(check(without('PassthroughCluster')).at(0)).to.deep.include({ severity: 'error', code: 'unpublishable' });
  });

  it('finds a cluster that is named and not there, in listeners, routes and virtual hosts', () => {
    expect(messages(without('BlackHoleCluster'))).to.deep.equal([
      "LDS virtualInbound names the cluster BlackHoleCluster, which isn't there",
      "LDS virtualOutbound names the cluster BlackHoleCluster, which isn't there",
    ]);
    expect(messages(without('inbound|8080||'))).to.deep.equal([
      "LDS virtualInbound names the cluster inbound|8080||, which isn't there",
    ]);
    const gone = "names the cluster outbound|80||web.foo.svc.cluster.local, which isn't there";
    const cluster = (each: Resource) =>
      each.type.endsWith('Cluster') && each.name === 'outbound|80||web.foo.svc.cluster.local';
    expect(messages(compiled().filter((each) => !cluster(each)))).to.include(
      `VHDS 80/web.foo.svc.cluster.local:80 ${gone}`,
    );
    expect(messages(compiled('inline').filter((each) => !cluster(each)))).to.include(`RDS 80 ${gone}`);
  });

  it('finds an external authorizer that nobody leads to; the control plane stands in every bootstrap', () => {
    const asker = service('foo', 'asker', [[9000, 9000, 'grpc']], { addresses: ['10.96.0.2'] });
    const policy = { ...authorizationPolicy('foo', 'c', 'DENY', [{}]), action: 'CUSTOM' as const, provider: 'asker' };
    const mesh = { ...defaultMesh, extensionProviders: [grpcAuthorizer('asker', 'asker.foo.svc.cluster.local')] };
    const { resources, findings } = translate(snapshotIn(mesh, [...objects, asker, policy]), sidecar(web));
    expect(findings).to.deep.equal([]);
    const gone = 'outbound|9000||asker.foo.svc.cluster.local';
    const left = resources.filter(({ type, name }) => !(type.endsWith('.Cluster') && name === gone));
    const named = messages(left).map((each) => each.split(' names ')[0]);
    expect(named).to.include('ECDS coxswain.http.custom.asker.authorize').and.to.include('LDS virtualInbound');
  });

  it('finds a route table that is named and not there', () => {
    expect(messages(without('80'))).to.deep.equal(["LDS 0.0.0.0_80 names the route 80, which isn't there"]);
    expect(messages(without('web.foo.svc.cluster.local:7000'))).to.deep.equal([
      "LDS 10.96.0.1_7000 names the route web.foo.svc.cluster.local:7000, which isn't there",
    ]);
  });

  it('finds a filter that nobody would send', () => {
    expect(new Set(messages(without('coxswain.http.rbac.deny')))).to.deep.equal(
      new Set(["LDS virtualInbound names the extension coxswain.http.rbac.deny, which isn't there"]),
    );
  });

  it('finds endpoints that a cluster waits for and nobody would send', () => {
    const assignments = (each: Resource) => each.type.endsWith('ClusterLoadAssignment') && each.name.includes('|9000|');
    expect(messages(compiled().filter((each) => !assignments(each)))).to.deep.equal([
      "CDS outbound|9000||web.foo.svc.cluster.local names the endpoint outbound|9000||web.foo.svc.cluster.local, which isn't there",
    ]);
  });

  it('finds a secret that we never give', () => {
    const context = any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: 'other', sdsConfig: { ads: {} } }] },
    });
    const chain = { transportSocket: { name: 'envoy.transport_sockets.tls', typedConfig: context } };
    expect(messages([listener('own', { filterChains: [chain] })])).to.deep.equal([
      "LDS own names the secret other, which isn't there",
    ]);
  });

  it('finds one name twice in a type, and not the same name in two types', () => {
    const [first] = compiled();
    expect(messages([...compiled(), ...(first === undefined ? [] : [first])])).to.deep.equal([
      'two CDS resources are named BlackHoleCluster',
    ]);
  });

  it('finds two chains of one match, which Envoy refuses with the whole listener', () => {
    const chain = (name: string, port: number) => ({ name, filterChainMatch: { destinationPort: { value: port } } });
    expect(messages([listener('own', { filterChains: [chain('a', 1), chain('b', 2), chain('c', 1)] })])).to.deep.equal([
      'LDS own: chains a and c have the same match',
    ]);
  });

  it('finds chains whose lists of protocols overlap, which Envoy refuses, too', () => {
    const chain = (name: string, applicationProtocols: readonly string[]) => ({
      name,
      filterChainMatch: { applicationProtocols },
    });
    expect(
      messages([listener('own', { filterChains: [chain('a', ['x', 'y']), chain('b', ['z']), chain('c', ['y'])] })]),
    ).to.deep.equal(['LDS own: chains a and c have the same match']);
  });

  it('finds two listeners of one address', () => {
    expect(messages([listener('one', {}), listener('two', {})])).to.deep.equal([
      'LDS one and two have the same address 10.0.0.9:1',
    ]);
  });

  it('finds a domain of two virtual hosts of one port, inline and discovered', () => {
    const cluster = (host: string) => resource('cluster', `outbound|80||${host}`, { name: `outbound|80||${host}` });
    const routes = inlineRoutes(
      80,
      [
        { host: 'a', port: 80, domains: ['a', 'same'], hash: undefined, routes: undefined },
        { host: 'b', port: 80, domains: ['b', 'SAME'], hash: undefined, routes: undefined },
      ],
      'BlackHoleCluster',
    );
    expect(messages([routes, cluster('a'), cluster('b')])).to.deep.equal([
      'RDS 80: 80/a:80 and 80/b:80 both have the domain same',
    ]);
    const discovered = (host: string) =>
      resource('virtualHost', `80/${host}:80`, { name: `80/${host}:80`, domains: [host, 'same'] });
    expect(messages([discovered('a'), discovered('b')])).to.deep.equal([
      'VHDS 80/b:80: 80/a:80 and 80/b:80 both have the domain same',
    ]);
    const elsewhere = resource('virtualHost', '81/b:81', { name: '81/b:81', domains: ['b', 'same'] });
    expect(messages([discovered('a'), elsewhere]), 'another port').to.deep.equal([]);
  });

  it('looks inside filters', () => {
    const chains = [
      { name: 'a', filters: [tcpProxy('nowhere'), outboundHttp('no-route', 'x', connectionSettings(defaultMesh))] },
    ];
    expect(messages([listener('own', { filterChains: chains })])).to.deep.equal([
      "LDS own names the cluster nowhere, which isn't there",
      "LDS own names the route no-route, which isn't there",
    ]);
  });
});
