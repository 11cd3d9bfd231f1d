import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { readDocuments } from '../../../src/sandbox/documents.ts';
import { documentFile } from '../../../src/sandbox/manifest-document.ts';

const short = (text: string, namespace?: string) =>
  readDocuments('a.yaml', text, namespace).map((each) => `${each.line} ${documentFile(each)}`);

describe('readDocuments', () => {
  it('keeps the text of each object, comments included', () => {
    const text = '# why\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web # who\n  namespace: foo\n';
    const [only, ...rest] = readDocuments('a.yaml', `${text}---\n# nothing here\n`);
    expect(rest).to.deep.equal([]);
    expect(only?.text.trimEnd()).to.equal(text.trimEnd());
  });

  it('reads several documents, and the items of a List', () => {
    const text = `apiVersion: v1
kind: Namespace
metadata: { name: foo }
---
apiVersion: v1
kind: List
items:
- { apiVersion: v1, kind: ServiceAccount, metadata: { name: a, namespace: foo } }
- { apiVersion: v1, kind: ServiceAccount, metadata: { name: b, namespace: foo } }
`;
    expect(short(text)).to.deep.equal([
      '1 namespace.foo.yaml',
      '5 serviceaccount.foo.a.yaml',
      '5 serviceaccount.foo.b.yaml',
    ]);
  });

  it('puts an object without a namespace where it is told to', () => {
    const text = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n';
    expect(short(text)).to.deep.equal(['1 serviceaccount.default.a.yaml']);
    const [moved] = readDocuments('a.yaml', text, 'bar');
    expect(moved?.value).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'a', namespace: 'bar' },
    });
    expect(readDocuments('b.yaml', moved?.text ?? '')[0]?.value).to.deep.equal(moved?.value);
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['- 1\n', 'a.yaml:1: expected an object (a mapping)'],
    ['apiVersion: v1\nmetadata: { name: a }\n', 'a.yaml:1: kind: required'],
    ['kind: Service\nmetadata: { name: a }\n', 'a.yaml:1: apiVersion: required'],
    ['apiVersion: v1\nkind: Service\n', 'a.yaml:1: metadata: required'],
    [
      'apiVersion: v1\nkind: Service\nmetadata: { name: ../a }\n',
      'a.yaml:1: metadata.name: expected a Kubernetes object name',
    ],
    [
      'apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: ../b }\n',
      'a.yaml:1: metadata.namespace: expected a namespace name',
    ],
  ];
  for (const [text, message] of wrong) {
    it(`refuses: ${message}`, () => {
      expect(() => readDocuments('a.yaml', text)).to.throw(MeshError, message);
    });
  }

  it('names the line of broken YAML', () => {
    expect(() => readDocuments('a.yaml', 'apiVersion: v1\nkind: [\n')).to.throw(MeshError, /^a\.yaml:\d+: /);
  });
});
