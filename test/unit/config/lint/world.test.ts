import { expect } from 'chai';
import fc from 'fast-check';
import { worldOf } from '../../../../src/config/lint/world.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { Labels, ObjectMeta } from '../../../../src/model/object.ts';
import type { PeerAuthentication } from '../../../../src/model/peer-authentication.ts';
import { selects } from '../../../../src/model/selector.ts';
import type { Workload } from '../../../../src/model/workload.ts';

function meta(name: string, namespace: string): ObjectMeta {
  const origin = { kind: 'cluster', cluster: 'test' } as const;
  return { name, namespace, labels: {}, annotations: {}, createdAt: 0, uid: name, generation: 1, origin };
}

function pod(name: string, namespace: string, labels: Labels): Workload {
  const more = { addresses: [], serviceAccount: 'default', namedPorts: {}, tlsMode: 'istio', ready: true } as const;
  return { kind: 'Pod', meta: meta(name, namespace), labels, ...more };
}

function policy(name: string, namespace: string, matchLabels: Labels): PeerAuthentication {
  const selector = { matchLabels };
  return {
    kind: 'PeerAuthentication',
    meta: meta(name, namespace),
    selector,
    mtls: 'STRICT',
    portLevelMtls: new Map(),
  };
}

describe('the workloads that a policy selects', () => {
  const labels = fc.dictionary(
    fc.constantFrom('app', 'version', 'constructor', '__proto__'),
    fc.constantFrom('a', 'b'),
  );
  const namespace = fc.constantFrom('foo', 'bar', 'istio-system');

  it('are those of its scope that have its labels, in order', () => {
    const property = fc.property(
      fc.array(fc.tuple(namespace, labels), { maxLength: 12 }),
      namespace,
      labels,
      (pods, home, matchLabels) => {
        const workloads = pods.map(([where, each], index) => pod(`p${index + 10}`, where, each));
        const { selected } = worldOf(workloads, defaultMesh);
        const expected = workloads.filter(
          (each) => (home === 'istio-system' || each.meta.namespace === home) && selects({ matchLabels }, each.labels),
        );
        expect(selected(policy('x', home, matchLabels))).to.deep.equal(expected);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('are found without a look at each workload for each policy', () => {
    let looks = 0;
    const counted = (each: Labels): Labels =>
      new Proxy(each, {
        get: (target, key) => {
          looks += 1;
          return Reflect.get(target, key);
        },
      });
    const many = Array.from({ length: 500 }, (_, index) => index);
    const workloads = many.map((index) => pod(`p${index}`, 'foo', counted({ app: `a${index}`, all: 'x' })));
    const { selected } = worldOf(workloads, defaultMesh);
    for (const index of many) expect(selected(policy('x', 'foo', { all: 'x', app: `a${index}` }))).to.have.length(1);
    expect(looks).to.be.lessThan(10 * many.length);
  });
});
