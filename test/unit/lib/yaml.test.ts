import { expect } from 'chai';
import { ambiguousScalars, parseDocuments, yamlText } from '../../../src/lib/yaml.ts';
import { expandedSize } from '../../../src/lib/yaml-guard.ts';

const show = (text: string): unknown[] =>
  parseDocuments(text).map((document) => [
    document.line,
    document.kind === 'value' ? document.value : document.message,
  ]);

describe('YAML streams', () => {
  it('are cut at document markers, empty documents left out', () => {
    expect(show('# c\n\na: 1\n---\n---\n# only a comment\n--- # note\nb: 2\n...\n')).to.deep.equal([
      [3, { a: 1 }],
      [8, { b: 2 }],
    ]);
    expect(show('')).to.deep.equal([]);
    expect(show('---')).to.deep.equal([]);
    expect(show('--- {a: 1}\n---\n- b')).to.deep.equal([
      [1, { a: 1 }],
      [3, ['b']],
    ]);
  });

  it('are not cut inside block scalars, nor at longer dashes', () => {
    expect(show('a: |\n  ---\n  x\nb: -----\n')).to.deep.equal([[1, { a: '---\nx\n', b: '-----' }]]);
    expect(show('----: 1\n')).to.deep.equal([[1, { '----': 1 }]]);
  });

  it('keep directives with their document', () => {
    expect(show('%YAML 1.2\n---\na: 1\n')).to.deep.equal([[1, { a: 1 }]]);
  });

  it('may start with a byte order mark, and use Windows line ends', () => {
    expect(show('\uFEFFa: 1\r\n---\r\nb: 2\r\n')).to.deep.equal([
      [1, { a: 1 }],
      [3, { b: 2 }],
    ]);
  });

  it('keep the good documents beside a broken one', () => {
    expect(show('a: 1\n---\nb: 1\n  c: 2\n---\nd: 3\n')).to.deep.equal([
      [1, { a: 1 }],
      [4, 'not valid YAML: bad indentation of a mapping entry (column 4)'],
      [6, { d: 3 }],
    ]);
  });

  it('take JSON, tabs and merge keys', () => {
    expect(show('{"a":\t1,\n\t"b": [true, null]}')).to.deep.equal([[1, { a: 1, b: [true, null] }]]);
    expect(show('x: &a {q: 1}\ny: {<<: *a, z: 2}')).to.deep.equal([[1, { x: { q: 1 }, y: { q: 1, z: 2 } }]]);
  });

  it('refuse cycles, bombs, tags and duplicate keys', () => {
    const messages = ['a: &a [*a]', 'a: !!js/function x', 'a: 1\na: 2'].map((text) => show(text));
    expect(messages).to.deep.equal([
      [[1, 'the aliases of this document expand without measure']],
      [[1, 'not valid YAML: unknown scalar tag !<tag:yaml.org,2002:js/function> (column 4)']],
      [[2, 'not valid YAML: duplicated mapping key (column 1)']],
    ]);
  });

  it('know the line of every path, or of what is left of it', () => {
    const [document] = parseDocuments('\n---\na:\n  b:\n  - c: 1\n  - d: 2\nx: &x\n  y: 1\nz: *x\n');
    if (document?.kind !== 'value') throw new Error('broken');
    const { positions } = document;
    expect(
      [
        [],
        ['a'],
        ['a', 'b', 0],
        ['a', 'b', 1, 'd'],
        ['a', 'b', 7],
        ['a', 'nope', 'x'],
        ['x', 'y'],
        ['z'],
        ['z', 'y'],
      ].map((path) => positions(path)),
    ).to.deep.equal([3, 3, 5, 6, 4, 3, 8, 9, 8]);
  });
});

describe('scalars that YAML 1.1 reads in another way', () => {
  it('are found where they are plain', () => {
    const text =
      'a: on\nb: "on"\nc: [yes, No, n]\nd: 010\ne: 1_000\nf: 12:30\ng: onward\nh: 0\ni: 10.0.0.1\nyes: 1\nj: oN\n';
    expect(ambiguousScalars(text, 1).map(({ line, source, meaning }) => `${line} ${source}: ${meaning}`)).to.deep.equal(
      [
        '1 on: the boolean true',
        '3 yes: the boolean true',
        '3 No: the boolean false',
        '3 n: the boolean false',
        '4 010: the octal number 8',
        '5 1_000: the number 1000',
        '6 12:30: a number in base 60',
        '10 yes: the boolean true',
      ],
    );
  });
});

describe('size of a value with its aliases', () => {
  it('counts shared parts as often as they are used', () => {
    const leaf = [1, 2];
    expect(expandedSize({ a: leaf, b: leaf }, 100)).to.equal(7);
    expect(expandedSize('x', 100)).to.equal(1);
  });
});

describe('YAML for people', () => {
  it('has no anchors and no folded lines', () => {
    const shared = { text: 'word '.repeat(40).trim() };
    expect(yamlText({ a: shared, b: shared })).to.equal(`a:\n  text: ${shared.text}\nb:\n  text: ${shared.text}\n`);
  });
});
