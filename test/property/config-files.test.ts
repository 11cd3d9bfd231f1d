import { expect } from 'chai';
import fc from 'fast-check';
import { Catalog } from '../../src/config/catalog.ts';
import { type FileContent, readContent } from '../../src/config/file-content.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { compareText, objectKey } from '../../src/model/object.ts';
import { peerAuthenticationText } from '../support/config-directory.ts';

const paths = ['a.yaml', 'b.yaml', 'c/a.yaml'] as const;

/** Good documents and broken ones, with names that clash often. */
const document = fc
  .tuple(fc.constantFrom('p', 'q', 'r'), fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE', 'STRIC'))
  .map(([name, mode]) => peerAuthenticationText(name, mode));
const goodDocument = document.map((text) => text.replace('STRIC}', 'STRICT}'));
const oddDocument = fc.oneof(
  { weight: 5, arbitrary: document },
  fc.constant('kind: [\n'),
  fc.constant('apiVersion: v1\nkind: Secret\n'),
);

const file = (documents: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(documents, { maxLength: 3 }).map((texts) => texts.join('---\n'));

interface Edit {
  readonly path: string;
  /** undefined: the file is removed. */
  readonly text: string | undefined;
}

const edit = (documents: fc.Arbitrary<string>): fc.Arbitrary<Edit> =>
  fc.record({ path: fc.constantFrom(...paths), text: fc.option(file(documents), { nil: undefined, freq: 5 }) });

const contentOf = ({ path, text }: Edit): FileContent | undefined =>
  text === undefined ? undefined : readContent(path, text);

/** What a consumer of the events holds. */
class Consumer {
  readonly objects = new Map<string, MeshObject>();

  take(events: readonly SourceEvent[]): void {
    for (const event of events) {
      if (event.type === 'apply') this.objects.set(objectKey(event.object), event.object);
      if (event.type === 'delete') this.objects.delete(`${event.ref.kind}/${event.ref.namespace}/${event.ref.name}`);
    }
  }

  get sorted(): readonly MeshObject[] {
    return [...this.objects].sort(([a], [b]) => compareText(a, b)).map(([, object]) => object);
  }
}

function whole(catalog: Catalog): object {
  return { objects: catalog.objects, findings: catalog.findings, unknown: catalog.unknown };
}

describe('configuration from files', () => {
  it('does not depend on the order in which files are read, or on how reads are grouped', () => {
    const arbitrary = fc.tuple(...paths.map(() => file(oddDocument)));
    fc.assert(
      fc.property(arbitrary, fc.shuffledSubarray([...paths], { minLength: paths.length }), (texts, order) => {
        const contents = new Map(paths.map((path, index) => [path, readContent(path, texts[index] ?? '')]));
        const atOnce = new Catalog();
        atOnce.update(contents);
        const oneByOne = new Catalog();
        for (const path of order) oneByOne.update([[path, contents.get(path)]]);
        expect(whole(oneByOne)).to.deep.equal(whole(atOnce));
      }),
      { numRuns: 300 },
    );
  });

  it('ends, after any edits of good files, where a fresh read ends', () => {
    fc.assert(
      fc.property(fc.array(edit(goodDocument), { maxLength: 12 }), (edits) => {
        const edited = new Catalog();
        for (const each of edits) edited.update([[each.path, contentOf(each)]]);
        const fresh = new Catalog();
        fresh.update(new Map(edits.map((each) => [each.path, contentOf(each)])));
        expect(whole(edited)).to.deep.equal(whole(fresh));
      }),
      { numRuns: 300 },
    );
  });

  it('tells its consumer all that it holds, whatever is edited', () => {
    fc.assert(
      fc.property(fc.array(edit(oddDocument), { maxLength: 12 }), (edits) => {
        const catalog = new Catalog();
        const consumer = new Consumer();
        for (const each of edits) consumer.take(catalog.update([[each.path, contentOf(each)]]));
        expect(consumer.sorted).to.deep.equal(catalog.objects);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps an object until a file that can be read whole leaves it out', () => {
    fc.assert(
      fc.property(file(goodDocument), file(oddDocument), (good, next) => {
        const catalog = new Catalog();
        const first = readContent('a.yaml', good);
        const second = readContent('a.yaml', next);
        catalog.update([['a.yaml', first]]);
        catalog.update([['a.yaml', second]]);
        const held = new Set(catalog.objects.map(objectKey));
        for (const key of first.entries.keys()) {
          expect(held.has(key), key).to.equal(second.incomplete || second.entries.has(key));
        }
      }),
      { numRuns: 300 },
    );
  });
});
