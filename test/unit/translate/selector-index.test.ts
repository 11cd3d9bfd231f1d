import { expect } from 'chai';
import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import type { Labels } from '../../../src/model/object.ts';
import { selects } from '../../../src/model/selector.ts';
import { SelectorIndex } from '../../../src/translate/selector-index.ts';
import { authorizationPolicy } from '../../support/objects.ts';

const labels: fc.Arbitrary<Labels> = fc.dictionary(
  fc.constantFrom('app', 'team', 'tier'),
  fc.constantFrom('a', 'b', 'a=b', ''),
  { maxKeys: 3 },
);
const name = fc.constantFrom('p0', 'p1', 'p2', 'p3', 'p4');
const namespace = fc.constantFrom('foo', 'bar');

/** Applies edits one by one to an index and to a plain map. */
function grow(edits: readonly (readonly [namespace: string, name: string, labels: Labels | undefined])[]): {
  readonly index: SelectorIndex<AuthorizationPolicy>;
  readonly plain: ReadonlyMap<string, AuthorizationPolicy>;
} {
  const index = new SelectorIndex<AuthorizationPolicy>();
  const plain = new Map<string, AuthorizationPolicy>();
  for (const [inNamespace, named, selector] of edits) {
    const key = `${inNamespace}/${named}`;
    const after = selector && authorizationPolicy(inNamespace, named, 'ALLOW', [], selector);
    index.replace(plain.get(key), after);
    if (after === undefined) plain.delete(key);
    else plain.set(key, after);
  }
  return { index, plain };
}

describe('SelectorIndex', () => {
  it('finds what a search through all would find, after any edits', () => {
    const edit = fc.tuple(namespace, name, fc.option(labels, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 30 }), namespace, labels, (edits, where, workload) => {
        const { index, plain } = grow(edits);
        const here = [...plain.values()].filter(({ meta }) => meta.namespace === where);
        const wanted = here.filter(({ selector }) => selects(selector, workload));
        const found = index.candidates(where, workload).filter(({ selector }) => selects(selector, workload));
        expect(found.map(({ meta }) => meta.name).sort()).to.deep.equal(wanted.map(({ meta }) => meta.name).sort());
        expect(new Set(index.keysRead(where))).to.deep.equal(
          new Set(here.flatMap(({ selector }) => Object.keys(selector.matchLabels))),
        );
      }),
    );
  });

  it('looks at no policy of other workloads, though all share a label', () => {
    const { index } = grow(
      Array.from({ length: 1_000 }, (_, i) => ['foo', `p${i}`, { team: 'one', app: `app-${i}` }] as const),
    );
    expect(index.candidates('foo', { team: 'one', app: 'app-7' })).to.have.length.below(5);
  });
});
