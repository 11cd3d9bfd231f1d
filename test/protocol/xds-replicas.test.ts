import { expect } from 'chai';
import fc from 'fast-check';
import type { Authority } from '../../src/ca/authority.ts';
import { openAuthority } from '../../src/ca/open-authority.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { objectKey } from '../../src/model/object.ts';
import type { Layer } from '../../src/model/resource.ts';
import { pushOrder, shortTypeNames, types } from '../../src/model/type-urls.ts';
import { encodeResources } from '../../src/xds/encode.ts';
import { authorizationPolicy, meta, peerAuthentication, pod, service } from '../support/objects.ts';
import { type Plane, startPlane } from '../support/plane.ts';
import { draws, LoadBalancer, Sidecar } from '../support/replicas.ts';
import { anyMesh, anyObject, proxies } from '../support/universe.ts';
import { until } from '../support/xds-grpc.ts';
import { temporaryDirectory } from '../unit/ca/helpers.ts';

/** The authorities of some replicas: each reads the same key and certificate. */
async function authorities(count: number): Promise<readonly Authority[]> {
  await using directory = await temporaryDirectory();
  const open = () => openAuthority(directory.path, { trustDomain: defaultMesh.trustDomain, clock: systemClock });
  const opened: Authority[] = [];
  for (let i = 0; i < count; i++) opened.push(await open());
  return opened;
}

/** Starts this many replicas that share one key. */
async function replicas(count: number, mesh = defaultMesh) {
  const stack = new AsyncDisposableStack();
  const planes: Plane[] = [];
  for (const authority of await authorities(count)) planes.push(stack.use(await startPlane(authority, mesh)));
  const [a, b] = planes;
  if (a === undefined || b === undefined) throw new Error('needs two replicas');
  return { a, b, planes, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const apply = (object: MeshObject): SourceEvent => ({ type: 'apply', object });
const remove = ({ kind, meta: { namespace, name } }: MeshObject): SourceEvent => ({
  type: 'delete',
  ref: { kind, namespace, name },
});

/** Everything is known, and answered for. */
const settled = ({ server }: Plane, clients = 1) =>
  server.status().length === clients &&
  server
    .status()
    .every(
      (each) =>
        each.types.length === pushOrder.length &&
        each.types.every(({ state }) => state === 'SYNCED' || state === 'NOT_SENT'),
    );

/** All bytes of a layer as they go out, with its key. */
const bytes = ({ key, resources }: Layer) => `${key} ${encodeResources(resources.values(), 'delta').toString('hex')}`;

/** What each kind of proxy gets of a replica, byte for byte. */
const everything = ({ compiler }: Plane) =>
  proxies.map((proxy) => {
    using compiled = compiler.attach(proxy, () => undefined);
    return { view: compiled.view, layers: pushOrder.map((type) => compiled.layers(type).map(bytes)) };
  });

/** A final state, an earlier life of other objects, and the way from one to the other in some order. */
const anyLives = fc.record({
  final: fc.uniqueArray(anyObject, { selector: objectKey, minLength: 1, maxLength: 20 }),
  earlier: fc.array(fc.array(anyObject, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
  order: fc.infiniteStream(fc.nat(1_000_000)),
  cuts: fc.infiniteStream(fc.boolean()),
  last: anyObject,
  mesh: anyMesh,
});

function shuffled<T>(items: readonly T[], order: Iterator<number>): readonly T[] {
  return items
    .map((item) => ({ item, at: Number(order.next().value) }))
    .sort((x, y) => x.at - y.at)
    .map(({ item }) => item);
}

describe('two replicas', () => {
  it('come to the same bytes, names and versions, whatever each of them saw before', async () => {
    const [one, other] = await authorities(2);
    if (one === undefined || other === undefined) throw new Error('needs two');
    await fc.assert(
      fc.asyncProperty(anyLives, async ({ final, earlier, order, cuts, mesh }) => {
        await using a = await startPlane(one, mesh);
        await using b = await startPlane(other, mesh);
        a.take(final.map(apply));
        // The other one has clients all the time, and takes a way of its own.
        using clients = new DisposableStack();
        for (const proxy of proxies) clients.use(b.compiler.attach(proxy, () => undefined));
        for (const batch of earlier) b.take(batch.map(apply));
        const kept = new Set(final.map(objectKey));
        const gone = earlier.flat().filter((object) => !kept.has(objectKey(object)));
        let batch: SourceEvent[] = [];
        for (const event of shuffled([...final.map(apply), ...gone.map(remove)], order)) {
          batch.push(event);
          if (cuts.next().value === true) {
            b.take(batch);
            batch = [];
          }
        }
        b.take(batch);
        expect(everything(b)).to.deep.equal(everything(a));
      }),
      { numRuns: 60 },
    );
  }).timeout(120_000);

  it('send a client that moves from one to the other what it lacks, and nothing else', async () => {
    const [one, other] = await authorities(2);
    if (one === undefined || other === undefined) throw new Error('needs two');
    await fc.assert(
      fc.asyncProperty(anyLives, async ({ final, order, last, mesh }) => {
        await using a = await startPlane(one, mesh);
        await using b = await startPlane(other, mesh);
        a.take(final.map(apply));
        for (const event of shuffled(final.map(apply), order)) b.take([event]);
        await using balancer = await LoadBalancer.start([a.port], draws(1));
        using sidecar = new Sidecar(balancer.port, 'a', { namespace: 'foo', metadata: { COXSWAIN_ROUTES: 'vhds' } });
        await until(() => settled(a), 'at the first');
        balancer.targets = [b.port];
        const before = new Map(pushOrder.map((type) => [type, sidecar.versions(type)]));
        await a.server.drain(1000);
        await until(() => settled(b), 'at the second');
        expect(sidecar.got).to.deep.equal([]);
        expect(b.server.counters().sentResources).to.equal(0);

        // Back to a fresh one that knows of one more thing.
        await using c = await startPlane(one, mesh);
        c.take([...final.map(apply), apply(last)]);
        balancer.targets = [c.port];
        await b.server.drain(1000);
        await until(() => settled(c), 'at the third');
        using fresh = new Sidecar(c.port, 'a', { namespace: 'foo', metadata: { COXSWAIN_ROUTES: 'vhds' } });
        await until(() => settled(c, 2), 'a newcomer');
        expect(sidecar.held).to.deep.equal(fresh.held);
        const differs = pushOrder.flatMap((type) => {
          const [was, is] = [before.get(type) ?? {}, fresh.versions(type)];
          const changed = Object.keys(is).filter((name) => is[name] !== was[name]);
          const gone = Object.keys(was).filter((name) => is[name] === undefined);
          return [...changed.map((name) => `+ ${name}`), ...gone.map((name) => `- ${name}`)];
        });
        // Endpoints of a cluster that changed come again: Envoy waits for them.
        const clusters = new Set(differs.filter((each) => each.startsWith('+ ')));
        const again = sidecar.got.filter((each) => !differs.includes(each));
        expect(again.every((each) => clusters.has(each) || each.includes('/'))).to.equal(true);
        expect(differs.filter((each) => !sidecar.got.includes(each))).to.deep.equal([]);
      }),
      { numRuns: 25 },
    );
  }).timeout(120_000);
});

const web = pod('shop', 'web', '10.0.0.1', { serviceAccount: 'web', labels: { app: 'web' } });
const shop = service('shop', 'shop', [[80, 8080, 'http']], { selector: { app: 'web' }, addresses: ['10.96.0.1'] });
const bank: MeshObject = { ...shop, meta: meta('shop', 'bank'), addresses: ['10.96.0.2'] };
const token = 'shop/web';

/** A client at the first of two replicas that agree, and what it got there. */
async function moved(before: readonly MeshObject[], after: readonly MeshObject[]) {
  const stack = new AsyncDisposableStack();
  const { a, b } = stack.use(await replicas(2));
  a.take(before.map(apply));
  b.take(after.map(apply));
  const balancer = stack.use(await LoadBalancer.start([a.port], draws(1)));
  const sidecar = stack.use(new Sidecar(balancer.port, 'web', { token, metadata: { COXSWAIN_ROUTES: 'vhds' } }));
  await until(() => settled(a), 'at the first');
  const secrets = sidecar.held.get(types.secret);
  const first = { names: [...(secrets?.keys() ?? [])].sort(), certificate: secrets?.get('default')?.body };
  balancer.targets = [b.port];
  await a.server.drain(1000);
  await until(() => settled(b), 'at the second');
  return { a, b, sidecar, first, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('a sidecar that moves to another replica', () => {
  it('keeps its certificate and all that it has', async () => {
    await using world = await moved([web, shop], [web, shop]);
    const { a, b, sidecar, first } = world;
    expect(first.names).to.deep.equal(['ROOTCA', 'default']);
    expect(sidecar.got).to.deep.equal([]);
    expect([a.issued(), b.issued()]).to.deep.equal([1, 0]);
    expect(sidecar.held.get(types.secret)?.get('default')?.body).to.equal(first.certificate);
    expect(b.server.counters().sentResources).to.equal(0);
    // Heard of at all, so that its Envoy doesn't wait longer the next time.
    expect([...b.server.counters().pushes].map(([type, count]) => [shortTypeNames[type], count])).to.deep.equal([
      ['CDS', 1],
    ]);
    expect(sidecar.endings.map(({ code }) => code)).to.deep.equal([0]);
  });

  it('is sent what changed meanwhile, and nothing else', async () => {
    const deny = (path: string) => authorizationPolicy('shop', 'deny', 'DENY', [{ to: { paths: [path] } }]);
    await using world = await moved([web, shop, deny('/admin')], [web, shop, deny('/root')]);
    expect(world.sidecar.got).to.have.length(1);
    const sent = world.b.server.status()[0]?.types.filter((each) => (each.sent?.resources ?? 0) > 0);
    expect(sent?.map(({ type }) => shortTypeNames[type])).to.deep.equal(['ECDS']);
  });

  it('is told what is gone', async () => {
    await using world = await moved([web, shop, bank], [web, shop]);
    const { sidecar } = world;
    const removed = sidecar.got.filter((each) => each.startsWith('- '));
    expect(removed).to.include('- outbound|80||bank.shop.svc.cluster.local');
    const held = [...sidecar.held.values()].flatMap((each) => [...each.keys()]);
    expect(held.filter((name) => name.includes('bank'))).to.deep.equal([]);
    expect(held.filter((name) => name.includes('shop.shop'))).to.not.deep.equal([]);
  });

  it('gets a new certificate from a replica with another key', async () => {
    const [one, other] = [await authorities(1), await authorities(1)].flat();
    if (one === undefined || other === undefined) throw new Error('needs two');
    await using a = await startPlane(one);
    await using b = await startPlane(other);
    for (const plane of [a, b]) plane.take([web, shop].map(apply));
    await using balancer = await LoadBalancer.start([a.port], draws(1));
    using sidecar = new Sidecar(balancer.port, 'web', { token });
    await until(() => settled(a), 'at the first');
    balancer.targets = [b.port];
    await a.server.drain(1000);
    await until(() => settled(b), 'at the second');
    expect([...sidecar.got].sort()).to.deep.equal(['+ ROOTCA', '+ default']);
    expect(b.issued()).to.equal(1);
  });

  it('follows a change that comes while it is on its way', async () => {
    await using world = await moved([web, shop], [web, shop]);
    const { b, sidecar } = world;
    b.take([apply(peerAuthentication('shop', 'default', 'STRICT'))]);
    await until(() => sidecar.got.length > 0 && settled(b), 'the change');
    expect(sidecar.got.every((each) => each.startsWith('+ '))).to.equal(true);
    expect(sidecar.got).to.not.include('+ default');
  });
});
