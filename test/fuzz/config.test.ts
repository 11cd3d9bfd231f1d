import { expect } from 'chai';
import fc from 'fast-check';
import { kindReaders } from '../../src/config/decode/kinds.ts';
import { decode } from '../../src/config/decode.ts';
import { readText } from '../../src/config/files.ts';
import { readMeshFile } from '../../src/config/mesh-file.ts';
import { badDocuments } from '../support/bad-documents.ts';

const kinds = kindReaders.flatMap(({ group, versions, kind }) =>
  versions.map((version) => ({ apiVersion: group === '' ? version : `${group}/${version}`, kind })),
);

/** Field names that the readers know, so that random objects get past the first check. */
const names = fc.constantFrom(
  ...[
    'metadata',
    'spec',
    'status',
    'name',
    'namespace',
    'labels',
    'annotations',
    'selector',
    'matchLabels',
    'mtls',
    'mode',
  ],
  ...[
    'portLevelMtls',
    '8080',
    'rules',
    'from',
    'source',
    'principals',
    'to',
    'operation',
    'ports',
    'paths',
    'action',
    'targetRefs',
  ],
  ...[
    'containers',
    'podIP',
    'podIPs',
    'conditions',
    'clusterIP',
    'port',
    'targetPort',
    'address',
    'endpoints',
    'addresses',
    'items',
  ],
  ...['__proto__', 'constructor', 'toString', 'x'],
);
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.string(),
  fc.constantFrom('STRICT', 'DENY', 'a*', '10.0.0.1', '80', '{*}'),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(names, tie('tree'), { maxKeys: 5 }),
  ),
}));

describe('the parser', () => {
  it('takes any value for any kind without falling over', () => {
    const document = fc.tuple(fc.constantFrom(...kinds), fc.dictionary(names, tree, { maxKeys: 5 }), fc.boolean());
    fc.assert(
      fc.property(document, ([kind, fields, named]) => {
        const whole = { ...fields, ...kind, ...(named ? { metadata: { name: 'x' } } : {}) };
        const decoded = decode(whole, { origin: { kind: 'cluster', cluster: 'c' } });
        for (const { message, hint, code } of decoded.findings) {
          expect([message.trim(), hint.trim(), code.trim()]).to.deep.equal([message, hint, code]);
          expect(message).to.not.equal('');
          expect(message.endsWith('.')).to.equal(false);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes any text without falling over: damaged manifests, and noise', () => {
    const texts = badDocuments()
      .map((document) => document.text)
      .filter((text) => text.length < 2_000);
    const damaged = fc
      .tuple(
        fc.constantFrom(...texts),
        fc.nat(),
        fc.nat({ max: 20 }),
        fc.string({ maxLength: 5, unit: fc.constantFrom(...'{}[]:-#&*!|>%@\'"\n\t y1') }),
      )
      .map(
        ([text, at, count, junk]) => text.slice(0, at % text.length) + junk + text.slice((at % text.length) + count),
      );
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: damaged }, fc.string({ unit: 'binary' })), (text) => {
        for (const { origin } of [...readText('f.yaml', text).findings, ...readMeshFile('f.yaml', text).findings]) {
          const lines = text.split(/\r\n|\r|\n/).length;
          expect(
            origin.kind === 'file' && origin.line >= 1 && origin.line <= lines,
            `line of ${JSON.stringify(origin)} in ${lines}`,
          ).to.equal(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
