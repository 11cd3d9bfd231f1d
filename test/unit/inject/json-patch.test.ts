import { expect } from 'chai';
import fc from 'fast-check';
import { difference, jsonPatch } from '../../../src/inject/json-patch.ts';
import { isRecord } from '../../../src/lib/is-record.ts';

/** RFC 6902 as its text has it, and no faster. */
function patched(document: unknown, patch: readonly object[]): unknown {
  let value: unknown = structuredClone(document);
  for (const step of patch) {
    if (!isRecord(step)) throw new Error('no step');
    const path = String(step['path']);
    const keys = path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    value = change(value, keys, String(step['op']), step['value']);
  }
  return value;
}

function change(value: unknown, [key, ...below]: readonly string[], op: string, item: unknown): unknown {
  if (key === undefined) return item;
  if (Array.isArray(value)) {
    const at = Number(key);
    if (below.length > 0)
      return value.map((each: unknown, index) => (index === at ? change(each, below, op, item) : each));
    if (op === 'add' ? at > value.length : at >= value.length) throw new Error('no such index');
    return op === 'add'
      ? value.toSpliced(at, 0, item)
      : op === 'remove'
        ? value.toSpliced(at, 1)
        : value.with(at, item);
  }
  if (!isRecord(value)) throw new Error('nothing there');
  if (below.length > 0) return { ...value, [key]: change(value[key], below, op, item) };
  if (op !== 'add' && !Object.hasOwn(value, key)) throw new Error(`no ${key}`);
  if (op !== 'remove') return { ...value, [key]: item };
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}

const steps = (before: unknown, after: unknown): readonly object[] => jsonPatch(difference(before, after));

describe('inject/json-patch', () => {
  it('says nothing of what is equal', () => {
    expect(steps({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).to.deep.equal([]);
  });

  it('writes only what changed', () => {
    expect(steps({ a: 1, b: { c: 2 }, d: 3 }, { a: 1, b: { c: 4, e: 5 } })).to.deep.equal([
      { op: 'remove', path: '/d' },
      { op: 'replace', path: '/b/c', value: 4 },
      { op: 'add', path: '/b/e', value: 5 },
    ]);
  });

  it('puts containers into a list without writing the others anew', () => {
    const before = [{ name: 'setup' }, { name: 'web', image: 'a' }];
    const after = [{ name: 'istio-init' }, { name: 'setup' }, { name: 'web', image: 'b' }, { name: 'last' }];
    expect(steps(before, after)).to.deep.equal([
      { op: 'add', path: '/0', value: { name: 'istio-init' } },
      { op: 'replace', path: '/2/image', value: 'b' },
      { op: 'add', path: '/3', value: { name: 'last' } },
    ]);
  });

  it('writes a list anew that lost an item or has another order', () => {
    expect(steps({ l: [1, 2, 3] }, { l: [1, 3] })).to.deep.equal([{ op: 'replace', path: '/l', value: [1, 3] }]);
    expect(steps({ l: [1, 2] }, { l: [2, 1] })).to.deep.equal([{ op: 'replace', path: '/l', value: [2, 1] }]);
  });

  it('escapes keys', () => {
    expect(steps({}, { 'a/b~c': 1 })).to.deep.equal([{ op: 'add', path: '/a~1b~0c', value: 1 }]);
  });

  it('leads from any value to any other', () => {
    const named = fc.record({ name: fc.constantFrom('a', 'b', 'c'), x: fc.integer({ max: 3, min: 0 }) });
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.array(named), fc.dictionary(fc.string(), fc.array(named)));
    fc.assert(
      fc.property(value, value, (before, after) => {
        expect(patched(before, steps(before, after))).to.deep.equal(after);
      }),
      { numRuns: 1_000 },
    );
  });
});
