import { expect } from 'chai';
import { pathText } from '../../../../src/config/decode/path.ts';
import { editDistance, hintFor, suggest } from '../../../../src/config/decode/suggest.ts';

describe('did you mean', () => {
  it('counts edits', () => {
    const cases = [
      ['', '', 0],
      ['', 'abc', 3],
      ['abc', 'abc', 0],
      ['abc', 'abd', 1],
      ['abc', 'acb', 1],
      ['abc', 'ab', 1],
      ['kitten', 'sitting', 3],
    ] as const;
    for (const [a, b, distance] of cases) {
      expect(editDistance(a, b), `${a} ${b}`).to.equal(distance);
      expect(editDistance(b, a), `${b} ${a}`).to.equal(distance);
    }
  });

  it('suggests the nearest word, or none', () => {
    const words = ['selector', 'mtls', 'portLevelMtls'];
    expect(suggest('mtsl', words)).to.equal('mtls');
    expect(suggest('SELECTOR', words)).to.equal('selector');
    expect(suggest('portLevelMtl', words)).to.equal('portLevelMtls');
    expect(suggest('rules', words)).to.equal(undefined);
  });

  it('falls back to the whole list if it is short', () => {
    expect(hintFor('zzz', ['a', 'b'])).to.equal('use one of: a, b');
    expect(
      hintFor(
        'zzz',
        Array.from({ length: 9 }, (_, index) => `name${index}`),
      ),
    ).to.equal('');
  });

  it('writes paths that people can find', () => {
    expect(pathText(['spec', 'rules', 0, 'to', 1, 'operation'])).to.equal('spec.rules[0].to[1].operation');
    expect(pathText(['metadata', 'labels', 'app.kubernetes.io/name'])).to.equal(
      'metadata.labels["app.kubernetes.io/name"]',
    );
    expect(pathText([])).to.equal('');
  });
});
