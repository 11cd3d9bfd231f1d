import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { pushOrder, shortTypeNames, types } from '../../../src/model/type-urls.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { EdgeMemo } from '../../../src/translate/edge-memo.ts';
import { edgeRoutes } from '../../../src/translate/edge-routes.ts';
import type { RouteTargets } from '../../../src/translate/envoy/http-routes.ts';
import type { ServerRef } from '../../../src/translate/policy/gateway.ts';
import { snapshotIn } from '../../support/compiled.ts';
import { gatewayDocument, objectsOf, type TestServer } from '../../support/gateway-documents.ts';
import { destinationRule, noPolicy, pod, service, sidecar } from '../../support/objects.ts';
import { httpRoute, under, virtualService } from '../../support/virtual-services.ts';

const gate = pod('edge', 'gate', '10.0.0.1', { labels: { istio: 'ingressgateway' } });
const router = { ...sidecar(gate), kind: 'router' } as const;

/** Host `index` leads to a service of its own, if not to another's. */
const host = (index: number, to = index): MeshObject =>
  virtualService('shop', `shop-${index}`, [`shop-${index}.example`], {
    gateways: ['edge/edge'],
    http: [httpRoute(`web-${to}.shop.svc.cluster.local`)],
  });
const web = (index: number, ports: readonly number[] = [80]): MeshObject =>
  service(
    'shop',
    `web-${index}`,
    ports.map((port) => [port, 8080, 'http']),
  );
const plaintext: readonly TestServer[] = [{ port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] }];
const secure = (index: number, to = index): TestServer => ({
  port: 443,
  name: `https-${index}`,
  protocol: 'HTTPS',
  hosts: [`shop-${to}.example`],
  tls: { mode: 'SIMPLE', serverCertificate: '/c', privateKey: '/k' },
});
const gateway = (servers: readonly TestServer[]): readonly MeshObject[] => objectsOf(gatewayDocument('edge', servers));
const each = (size: number): readonly number[] => Array.from({ length: size }, (_, index) => index);

/** What an edit among `size` hosts makes, whatever was made before: how often something was built, and which resources are others. */
function work(size: number, servers: readonly TestServer[], ...edit: readonly MeshObject[]) {
  const store = new Store(defaultMesh);
  const objects = [gate, ...gateway(servers), ...each(size).flatMap((index) => [host(index), web(index)])];
  const { snapshot } = store.commit([{ type: 'reset', objects }]);
  const cache = new BuildCache();
  const compiler = new Compiler(snapshot, cache);
  const attached = compiler.attach(router, () => undefined);
  const resources = (): readonly Resource[] =>
    pushOrder.flatMap((type) => attached.layers(type).flatMap((layer) => [...layer.resources.values()]));
  const before = new Set(resources().map(({ type, name, version }) => `${type} ${name} ${version}`));
  const { misses } = cache.stats();
  const next = store.commit(edit.map((object) => ({ type: 'apply', object })));
  compiler.update(next.snapshot, next.changes);
  const other = resources().filter(({ type, name, version }) => !before.has(`${type} ${name} ${version}`));
  return {
    built: cache.stats().misses - misses,
    others: other.map(({ type, name }) => `${shortTypeNames[type]} ${name}`),
  };
}

/** The same among few hosts and among many. */
function sameAmong(servers: (size: number) => readonly TestServer[], ...edit: readonly MeshObject[]) {
  const few = work(20, servers(20), ...edit);
  expect(work(600, servers(600), ...edit)).to.deep.equal(few);
  return few;
}

describe('an edit at the edge', () => {
  it('of one VirtualService builds one virtual host among any number on a port', () => {
    // The virtual host, and the list of what the router has; the route table around it is put together.
    expect(sameAmong(() => plaintext, host(7, 8))).to.deep.equal({ built: 2, others: ['RDS http.80'] });
    expect(sameAmong((size) => each(size).map((index) => secure(index)), host(7, 8))).to.deep.equal({
      built: 2,
      others: ['RDS https.443.https-7.edge.edge'],
    });
  });

  it('of what routes hash builds the virtual hosts that lead there', () => {
    const rule = destinationRule('shop', 'web-7', 'web-7.shop.svc.cluster.local', {
      ...noPolicy,
      loadBalancer: {
        method: { algorithm: { kind: 'ring', minimumSize: 1024 }, key: { kind: 'address' } },
        warmup: undefined,
      },
    });
    const { others } = sameAmong(() => plaintext, rule);
    expect(others).to.deep.equal(['CDS outbound|80||web-7.shop.svc.cluster.local', 'RDS http.80']);
  });

  it('of the ports of a service builds the virtual hosts that lead there', () => {
    const { others } = sameAmong(() => plaintext, web(7, [8080]));
    expect(others).to.deep.equal([
      'CDS outbound|8080||web-7.shop.svc.cluster.local',
      'EDS outbound|8080||web-7.shop.svc.cluster.local',
      'RDS http.80',
    ]);
  });

  it('of a Gateway builds what its servers change', () => {
    const size = 30;
    const servers = each(size).map((index) => secure(index));
    expect(work(size, servers, ...gateway([...servers, secure(99, 5_000)])).others).to.deep.equal([
      'LDS 0.0.0.0_443',
      'RDS https.443.https-99.edge.edge',
    ]);
    const more = { port: 80, name: 'more', protocol: 'HTTP', hosts: ['shop-5.test'] };
    expect(work(size, plaintext, ...gateway([...plaintext, more]))).to.deep.equal({ built: 0, others: [] });
  });

  it('of a VirtualService to which others delegate is seen', () => {
    const root = virtualService('shop', 'root', ['root.example'], {
      gateways: ['edge/edge'],
      http: [{ ...httpRoute('', [under('/')]), action: { kind: 'delegate', to: { namespace: 'shop', name: 'leaf' } } }],
    });
    const leaf = (to: string): MeshObject => virtualService('shop', 'leaf', [], { http: [httpRoute(to)] });
    const store = new Store(defaultMesh);
    const { snapshot } = store.commit([
      { type: 'reset', objects: [gate, ...gateway(plaintext), root, leaf('one.test')] },
    ]);
    const compiler = new Compiler(snapshot);
    const attached = compiler.attach(router, () => undefined);
    const table = (): string =>
      attached
        .layers(types.route)
        .flatMap((layer) => [...layer.resources.values()].map(({ body }) => Buffer.from(body).toString('latin1')))
        .join();
    expect(table()).to.include('one.test');
    const next = store.commit([{ type: 'apply', object: leaf('two.test') }]);
    compiler.update(next.snapshot, next.changes);
    expect(table()).to.include('two.test').and.not.include('one.test');
  });
});

describe('routes at the edge, with a memory', () => {
  const server: ServerRef = {
    gateway: 'edge/edge',
    port: 80,
    hosts: [{ namespace: undefined, host: '*' }],
    httpsRedirect: false,
  };
  const routes = { name: 'http.80', servers: [server] };
  const facts = { namespace: 'edge', labels: {}, namedPorts: {}, pinnedBy: [] };
  const answering = (cluster: (host: string) => string, asked: string[]): RouteTargets => ({
    port: 80,
    clusterOf: (to) => {
      asked.push(to.host);
      return cluster(to.host);
    },
    hashOf: () => undefined,
    tunnelOf: () => undefined,
  });

  it('ask where one route leads when one VirtualService changed, and keep all other hosts', () => {
    const memo = new EdgeMemo();
    const objects = each(50).map((index) => host(index));
    const before = snapshotIn({}, objects);
    const first = edgeRoutes(before, facts, () => answering((to) => to, []), memo).hosts(routes);
    const store = new Store(before.mesh);
    store.commit([{ type: 'reset', objects }]);
    const { snapshot } = store.commit([{ type: 'apply', object: host(7, 8) }]);
    const after = { ...before, virtualServices: snapshot.virtualServices };
    const asked: string[] = [];
    const second = edgeRoutes(after, facts, () => answering((to) => to, asked), memo).hosts(routes);
    expect(asked).to.deep.equal(['web-8.shop.svc.cluster.local']);
    expect(second.filter((each) => !first.includes(each)).map((each) => each.host)).to.deep.equal(['shop-7.example']);
    expect(edgeRoutes(after, facts, () => answering((to) => to, asked), memo).hosts(routes)).to.equal(second);
  });

  it('make anew the hosts of which an answer is another, when services or rules changed', () => {
    const memo = new EdgeMemo();
    const before = snapshotIn(
      {},
      each(50).map((index) => host(index)),
    );
    const first = edgeRoutes(before, facts, () => answering((to) => to, []), memo).hosts(routes);
    const after = { ...before, services: new Map() };
    const moved = (to: string): string => (to.startsWith('web-7.') ? 'elsewhere' : to);
    const second = edgeRoutes(after, facts, () => answering(moved, []), memo).hosts(routes);
    expect(second.filter((each) => !first.includes(each)).map((each) => each.host)).to.deep.equal(['shop-7.example']);
    const third = edgeRoutes({ ...after, services: new Map() }, facts, () => answering((to) => to, []), memo);
    expect(third.hosts(routes).map((each) => each.routes)).to.deep.equal(first.map((each) => each.routes));
  });
});
