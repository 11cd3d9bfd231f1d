import { expect } from 'chai';
import { RootConfigMaps } from '../../../src/cluster/root-config-maps.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import type { ReflectEvent } from '../../../src/kube/reflector.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { contentVersion } from '../../../src/lib/hash.ts';
import { fakeClient, listLogger, settle, until } from './helpers.ts';

const path = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps/istio-ca-root-cert`;

interface Write {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** The duty over an API that writes down what is written; events are given by hand, as a reflector gives them. */
class World {
  readonly clock = new FakeClock(0);
  readonly log: string[] = [];
  readonly writes: Write[] = [];
  roots: readonly string[] = ['ROOT\n'];
  selected: (labels: Readonly<Record<string, string>>) => boolean = () => true;
  fail: (namespace: string) => MeshError | undefined = () => undefined;
  busy = 0;
  busiest = 0;
  readonly maps: RootConfigMaps;

  constructor(parallel = 8) {
    const client = fakeClient(async (method, at, { body }) => {
      this.busy += 1;
      this.busiest = Math.max(this.busiest, this.busy);
      await settle();
      this.busy -= 1;
      const namespace = at.split('/')[4] ?? '';
      this.writes.push({ method, path: at, body });
      const error = this.fail(namespace);
      if (error !== undefined) throw error;
      return method === 'DELETE' ? {} : written(namespace, this.roots.join(''));
    });
    const { clock } = this;
    this.maps = new RootConfigMaps({
      client,
      clock,
      random: () => 0,
      log: listLogger(this.log),
      roots: () => this.roots,
      selected: (labels) => this.selected(labels),
      parallel,
    });
  }

  namespace(name: string, labels: Readonly<Record<string, string>> = {}, ending = false): void {
    this.maps.namespace(put({ metadata: { name, labels }, ending }));
  }

  configMap(namespace: string, is: Partial<Holds> = {}): void {
    this.maps.configMap(put(configMap(namespace, { ...right, ...is })));
  }

  synced(): void {
    this.maps.configMap({ type: 'synced' });
    this.maps.namespace({ type: 'synced' });
  }

  /** Namespaces that were written to since the last time. */
  async taken(): Promise<readonly string[]> {
    await until(() => this.busy === 0);
    for (let turn = 0; turn < 5; turn++) await settle();
    return this.writes.splice(0).map((write) => `${write.method} ${write.path.split('/')[4]}`);
  }
}

const put = (object: KubeObject): ReflectEvent => ({ type: 'put', object });
const version = (root: string): string => contentVersion(Buffer.from(root));

interface Holds {
  readonly root: string;
  readonly labelled: boolean;
  readonly ours: boolean;
  readonly shared: boolean;
  readonly immutable: boolean;
}

const right: Holds = { root: 'ROOT\n', labelled: true, ours: true, shared: false, immutable: false };

/** As the reflector's `trim` leaves it. */
const configMap = (namespace: string, { root, ...rest }: Holds): KubeObject => ({
  metadata: { name: 'istio-ca-root-cert', namespace, uid: `uid of ${namespace}` },
  ...rest,
  root: version(root),
});

/** As the API server answers. */
const written = (namespace: string, root: string): object => ({
  metadata: {
    name: 'istio-ca-root-cert',
    namespace,
    labels: { 'istio.io/config': 'true' },
    managedFields: [{ manager: 'coxswain', operation: 'Apply', fieldsV1: { 'f:data': { 'f:root-cert.pem': {} } } }],
  },
  data: { 'root-cert.pem': root },
});

describe('cluster/root-config-maps', () => {
  it('writes the root by server-side apply', async () => {
    const world = new World();
    world.namespace('foo');
    world.synced();
    await world.taken().then((taken) => expect(taken).to.deep.equal(['PATCH foo']));
    world.roots = ['ROOT\n', 'SECOND\n'];
    world.maps.checkAll();
    await until(() => world.writes.length === 1);
    expect(world.writes).to.deep.equal([
      {
        method: 'PATCH',
        path: path('foo'),
        body: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'istio-ca-root-cert', namespace: 'foo', labels: { 'istio.io/config': 'true' } },
          data: { 'root-cert.pem': 'ROOT\nSECOND\n' },
        },
      },
    ]);
  });

  it('writes to 1,000 namespaces once each, a few at a time, and never to those that are right', async () => {
    const world = new World(8);
    for (let at = 0; at < 1_500; at++) world.namespace(`ns-${at}`);
    for (let at = 1_000; at < 1_500; at++) world.configMap(`ns-${at}`);
    await settle();
    expect(world.writes, 'before both lists are whole').to.deep.equal([]);
    world.maps.configMap({ type: 'synced' });
    await settle();
    expect(world.writes, 'before both lists are whole').to.deep.equal([]);
    world.maps.namespace({ type: 'synced' });
    await until(() => world.writes.length === 1_000);
    // The watch tells of each write, and of the namespaces again.
    for (let at = 0; at < 1_500; at++) world.configMap(`ns-${at}`);
    for (let at = 0; at < 1_500; at++) world.namespace(`ns-${at}`, { again: 'yes' });
    world.maps.checkAll();
    const taken = await world.taken();
    expect([taken.length, new Set(taken).size, world.busiest]).to.deep.equal([1_000, 1_000, 8]);
  });

  it('puts right what was edited or deleted, once', async () => {
    const world = new World();
    world.namespace('foo');
    world.configMap('foo');
    world.synced();
    expect(await world.taken()).to.deep.equal([]);
    world.configMap('foo', { root: 'EVIL' });
    expect(await world.taken()).to.deep.equal(['PATCH foo']);
    world.configMap('foo', { labelled: false });
    expect(await world.taken()).to.deep.equal(['PATCH foo']);
    world.maps.configMap({ type: 'delete', namespace: 'foo', name: 'istio-ca-root-cert' });
    expect(await world.taken()).to.deep.equal(['PATCH foo']);
  });

  it('makes one anew that was edited and then made immutable', async () => {
    const world = new World();
    world.namespace('foo');
    world.configMap('foo', { root: 'EVIL', immutable: true });
    world.namespace('bar');
    world.configMap('bar', { immutable: true });
    world.synced();
    await until(() => world.writes.length > 1);
    expect(world.writes[0]?.body).to.deep.include({ preconditions: { uid: 'uid of foo' } });
    expect(await world.taken()).to.deep.equal(['DELETE foo', 'PATCH foo']);
  });

  it('leaves namespaces alone that end, are gone or are not selected', async () => {
    const world = new World();
    world.selected = (labels) => labels['mesh'] === 'yes';
    world.namespace('ending', { mesh: 'yes' }, true);
    world.namespace('gone', { mesh: 'yes' });
    world.maps.namespace({ type: 'delete', namespace: '', name: 'gone' });
    world.namespace('other');
    world.configMap('other', { root: 'of another mesh', ours: false });
    world.synced();
    world.maps.configMap({ type: 'delete', namespace: 'gone', name: 'istio-ca-root-cert' });
    expect(await world.taken()).to.deep.equal([]);
    world.namespace('other', { mesh: 'yes' });
    expect(await world.taken()).to.deep.equal(['PATCH other']);
  });

  it('removes from deselected namespaces what is ours alone', async () => {
    const world = new World();
    for (const name of ['mine', 'shared', 'theirs']) world.namespace(name);
    world.configMap('mine');
    world.configMap('shared', { shared: true });
    world.configMap('theirs', { ours: false });
    world.synced();
    expect(await world.taken()).to.deep.equal([]);
    world.selected = () => false;
    world.maps.checkAll();
    await until(() => world.writes.length === 2);
    expect(world.writes).to.deep.equal([
      {
        method: 'DELETE',
        path: path('mine'),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'uid of mine' } },
      },
      {
        method: 'PATCH',
        path: path('shared'),
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio-ca-root-cert', namespace: 'shared' } },
      },
    ]);
  });

  it('tries again what failed, later each time, and says it once', async () => {
    const world = new World();
    world.fail = () => new MeshError('unavailable', 'connect ECONNREFUSED');
    for (let at = 0; at < 20; at++) world.namespace(`ns-${at}`);
    world.synced();
    expect(await world.taken()).to.have.length(20);
    world.clock.advance(799);
    expect(await world.taken()).to.have.length(0);
    world.clock.advance(1);
    expect(await world.taken()).to.have.length(20);
    world.clock.advance(1_599);
    expect(await world.taken()).to.have.length(0);
    world.fail = () => undefined;
    world.clock.advance(1);
    expect(await world.taken()).to.have.length(20);
    world.clock.advance(600_000);
    expect(await world.taken()).to.have.length(0);
    expect(world.log).to.have.length(1);
  });

  it('lets it be where the namespace vanished meanwhile', async () => {
    const world = new World();
    world.fail = () => new MeshError('not-found', 'namespaces "foo" not found');
    world.namespace('foo');
    world.synced();
    expect(await world.taken()).to.have.length(1);
    world.clock.advance(600_000);
    expect(await world.taken()).to.have.length(0);
  });

  it('does not quarrel: who undoes it again and again is answered less and less often', async () => {
    const world = new World();
    world.namespace('foo');
    world.configMap('foo');
    world.synced();
    let writes = 0;
    for (let second = 0; second < 600; second++) {
      world.configMap('foo', { root: `of another mesh, ${second}` });
      writes += (await world.taken()).length;
      world.clock.advance(1_000);
    }
    expect(writes).to.be.within(16, 26);
    expect(world.log).to.have.length(1);
  });

  it('starts nothing once it has ended', async () => {
    const world = new World();
    world.namespace('foo');
    world.synced();
    const ended = world.maps[Symbol.asyncDispose]();
    await ended;
    expect(world.busy).to.equal(0);
    world.configMap('foo', { root: 'EVIL' });
    world.clock.advance(600_000);
    expect(await world.taken()).to.deep.equal(['PATCH foo']);
  });
});
