import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { peerAuthentication, pod, service, sidecar } from '../../support/objects.ts';

const web = pod('foo', 'web-1', '10.0.0.1');
const strict = peerAuthentication('foo', 'default', 'STRICT');

describe('the generation of a compiler', () => {
  const store = new Store(defaultMesh);
  const compiler = new Compiler(store.commit([{ type: 'reset', objects: [web] }]).snapshot);
  const change = (object: MeshObject): void => {
    const { snapshot, changes } = store.commit([{ type: 'apply', object }]);
    compiler.update(snapshot, changes);
  };

  it('counts on only when everybody has been told, and stands still while something can not be compiled', () => {
    expect(compiler.generation).to.equal(1);
    const heard: number[] = [];
    using _compiled = compiler.attach(sidecar(web), () => heard.push(compiler.generation));
    change(strict);
    expect(heard, 'what a stream notes as held so far').to.deep.equal([1]);
    expect(compiler.generation).to.equal(2);
    // A bug of ours, or of a source: such an object passes no decoder.
    change(service('foo', 'web', [[-1, 8080, 'tcp']], { addresses: ['10.96.0.9'] }));
    change({ ...strict, mtls: 'DISABLE' });
    expect(compiler.generation).to.equal(2);
    change(service('foo', 'web', [[80, 8080, 'tcp']], { addresses: ['10.96.0.9'] }));
    expect(compiler.generation).to.equal(5);
  });
});
