import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { emptySnapshot } from '../../../src/snapshot/snapshot.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { peerAuthentication, pod, service } from '../../support/objects.ts';

const apply = (object: MeshObject): SourceEvent => ({ type: 'apply', object });
const remove = (object: MeshObject): SourceEvent => ({
  type: 'delete',
  ref: { kind: object.kind, namespace: object.meta.namespace, name: object.meta.name },
});
const reset = (...objects: readonly MeshObject[]): SourceEvent => ({ type: 'reset', objects });

const a = pod('foo', 'a', '10.0.0.1');
const b = pod('foo', 'b', '10.0.0.2');
const elsewhere = pod('bar', 'a', '10.0.0.3');
const web = service('foo', 'web', [[80, 8080, 'http']]);

function storeOf(...objects: readonly MeshObject[]): Store {
  const store = new Store(defaultMesh);
  store.commit([reset(...objects)]);
  return store;
}

describe('Store', () => {
  it('starts empty and not synced', () => {
    const store = new Store(defaultMesh);
    expect(store.snapshot).to.deep.equal(emptySnapshot(defaultMesh));
    expect(store.synced).to.equal(false);
    store.commit([{ type: 'synced' }]);
    expect(store.synced).to.equal(true);
  });

  it('copies only the maps that a change touches', () => {
    const store = storeOf(a, b, elsewhere, web);
    const before = store.snapshot;
    const { snapshot, changes } = store.commit([remove(b)]);
    expect(changes).to.deep.equal([{ before: b, after: undefined }]);
    expect(snapshot.services, 'another kind').to.equal(before.services);
    expect(snapshot.pods.get('bar'), 'another namespace').to.equal(before.pods.get('bar'));
    expect(snapshot.pods.get('foo')?.get('a'), 'a sibling').to.equal(a);
    expect([...(snapshot.pods.get('foo')?.keys() ?? [])]).to.deep.equal(['a']);
    expect([...(before.pods.get('foo')?.keys() ?? [])], 'the old snapshot is frozen').to.deep.equal(['a', 'b']);
    expect(snapshot.generation).to.equal(before.generation + 1);
  });

  it('leaves out a namespace whose last object went', () => {
    const { snapshot } = storeOf(a, elsewhere).commit([remove(elsewhere)]);
    expect([...snapshot.pods.keys()]).to.deep.equal(['foo']);
  });

  for (const [name, events] of [
    ['no event', []],
    ['an equal object', [apply(pod('foo', 'a', '10.0.0.1'))]],
    ['a reset to equal objects', [reset(pod('foo', 'a', '10.0.0.1'))]],
    ['the deletion of what is not there', [remove(b)]],
    ['an object that comes and goes', [apply(b), remove(b)]],
    ['an edit that is taken back', [apply(pod('foo', 'a', '10.9.9.9')), apply(pod('foo', 'a', '10.0.0.1'))]],
    ['a deletion that is taken back', [remove(a), apply(pod('foo', 'a', '10.0.0.1'))]],
  ] as const satisfies readonly (readonly [string, readonly SourceEvent[]])[]) {
    it(`keeps the snapshot object: ${name}`, () => {
      const store = storeOf(a);
      const before = store.snapshot;
      expect(store.commit(events)).to.deep.equal({ snapshot: before, changes: [] });
      expect(store.snapshot).to.equal(before);
    });
  }

  it('keeps the identity of an object whose edit was taken back, beside a real change', () => {
    const store = storeOf(a, web);
    const before = store.snapshot;
    const copy = service('foo', 'web', [[80, 8080, 'http']]);
    const { snapshot, changes } = store.commit([remove(web), apply(copy), apply(b)]);
    expect(changes).to.deep.equal([{ before: undefined, after: b }]);
    expect(snapshot.services, 'what has no change is the same object').to.equal(before.services);
    expect(snapshot.services.get('foo')?.get('web')).to.equal(web);
  });

  it('sees a change inside a port map', () => {
    const policy = (mode: 'STRICT' | 'DISABLE') =>
      peerAuthentication('foo', 'web', 'UNSET', { labels: { app: 'web' }, ports: [[9000, mode]] });
    const store = storeOf(policy('STRICT'));
    expect(store.commit([apply(policy('STRICT'))]).changes).to.have.length(0);
    expect(store.commit([apply(policy('DISABLE'))]).changes).to.have.length(1);
  });

  it('takes the last of several states in a batch, as one change from the first to the last', () => {
    const store = storeOf(a);
    const [second, third] = [pod('foo', 'a', '10.0.0.8'), pod('foo', 'a', '10.0.0.9')];
    const { snapshot, changes } = store.commit([apply(second), remove(a), apply(third)]);
    expect(changes).to.deep.equal([{ before: a, after: third }]);
    expect(snapshot.pods.get('foo')?.get('a')).to.equal(third);
  });

  it('replaces everything on reset, and keeps what is equal', () => {
    const store = storeOf(a, b, web);
    const { snapshot, changes } = store.commit([reset(pod('foo', 'a', '10.0.0.1'), elsewhere)]);
    expect(snapshot.pods.get('foo')?.get('a'), 'equal: the object it was').to.equal(a);
    expect(changes).to.have.deep.members([
      { before: b, after: undefined },
      { before: web, after: undefined },
      { before: undefined, after: elsewhere },
    ]);
    expect([...snapshot.services.keys()]).to.deep.equal([]);
  });

  it('keeps what follows a reset in the same batch', () => {
    const { snapshot } = storeOf(a).commit([apply(elsewhere), reset(b), apply(web)]);
    expect([...snapshot.pods].map(([namespace, named]) => [namespace, [...named.keys()]])).to.deep.equal([
      ['foo', ['b']],
    ]);
    expect(snapshot.services.get('foo')?.get('web')).to.equal(web);
  });

  it('gives one result for any order of events on different objects', () => {
    const events = [apply(a), apply(b), apply(elsewhere), apply(web)];
    const forwards = new Store(defaultMesh).commit(events);
    const backwards = new Store(defaultMesh).commit([...events].reverse());
    expect(backwards.snapshot).to.deep.equal(forwards.snapshot);
    expect([...backwards.changes].reverse()).to.deep.equal(forwards.changes);
  });

  it('keeps a pod and a workload entry of one name apart', () => {
    const entry = pod('foo', 'a', '10.0.0.7', { kind: 'WorkloadEntry' });
    const { snapshot } = storeOf(a).commit([apply(entry)]);
    expect(snapshot.pods.get('foo')?.get('a')).to.equal(a);
    expect(snapshot.workloadEntries.get('foo')?.get('a')).to.equal(entry);
  });

  it('shows the findings of every scope, by scope, until the scope has none', () => {
    const finding = (message: string): Finding => ({
      severity: 'error',
      code: 'x',
      object: '',
      origin: { kind: 'file', path: 'x.yaml', line: 1 },
      field: '',
      message,
      hint: '',
    });
    const store = new Store(defaultMesh);
    const before = store.snapshot;
    store.commit([
      { type: 'findings', scope: 'b.yaml', findings: [finding('b')] },
      { type: 'findings', scope: 'a.yaml', findings: [finding('a1'), finding('a2')] },
    ]);
    expect(store.findings.map(({ message }) => message)).to.deep.equal(['a1', 'a2', 'b']);
    store.commit([
      { type: 'findings', scope: 'a.yaml', findings: [] },
      { type: 'findings', scope: 'b.yaml', findings: [finding('b2')] },
    ]);
    expect(store.findings.map(({ message }) => message)).to.deep.equal(['b2']);
    expect(store.snapshot, 'findings are no configuration').to.equal(before);
  });

  it('takes new mesh settings and keeps every object', () => {
    const store = storeOf(a);
    const before = store.snapshot;
    const mesh = { ...defaultMesh, enableAutoMtls: false };
    expect(store.setMesh(mesh)).to.deep.equal({ ...before, mesh, generation: before.generation + 1 });
    expect(store.snapshot.pods).to.equal(before.pods);
  });
});
