import { expect } from 'chai';
import { diffOutput, lineMatches, outputMatches } from '../../../examples/runner/run-compare.ts';

describe('examples: comparing', () => {
  it('compares a line to the letter', () => {
    expect(lineMatches('200', '200')).to.equal(true);
    expect(lineMatches('200', '2000')).to.equal(false);
    expect(lineMatches('200', '1200')).to.equal(false);
    expect(lineMatches('2.0 (a|b) $x', '2.0 (a|b) $x')).to.equal(true);
    expect(lineMatches('2.0', '210')).to.equal(false);
  });

  it('takes … within a line for any text, also none', () => {
    expect(lineMatches('up after …', 'up after 1.2 s')).to.equal(true);
    expect(lineMatches('a…b…c', 'abc')).to.equal(true);
    expect(lineMatches('a…b…c', 'acb')).to.equal(false);
    expect(lineMatches('…b', 'ab.')).to.equal(false);
  });

  it('does not count blanks at the end of a line, but those at its start', () => {
    expect(lineMatches('Usage:', 'Usage: ')).to.equal(true);
    expect(lineMatches('  a', 'a')).to.equal(false);
  });

  it('takes … alone on a line for any lines, also none', () => {
    expect(outputMatches(['a', '…', 'z'], ['a', 'z'])).to.equal(true);
    expect(outputMatches(['a', '…', 'z'], ['a', 'b', 'z', 'c', 'z'])).to.equal(true);
    expect(outputMatches(['a', '…', 'z'], ['a', 'b', 'z', 'c'])).to.equal(false);
    expect(outputMatches(['…'], [])).to.equal(true);
    expect(outputMatches(['…', '…'], ['a'])).to.equal(true);
  });

  it('finds a line that is missing, added, or different', () => {
    expect(outputMatches([], [])).to.equal(true);
    expect(outputMatches([], ['200'])).to.equal(false);
    expect(outputMatches(['200'], [])).to.equal(false);
    expect(outputMatches(['a', 'b'], ['b', 'a'])).to.equal(false);
    expect(outputMatches(['a', '', 'b'], ['a', 'b'])).to.equal(false);
  });

  it('shows the fewest differences', () => {
    expect(diffOutput(['head', 'foo 200', 'bar 200', 'end'], ['head', 'foo 503', 'bar 200', 'end'])).to.deep.equal([
      { kind: 'same', text: 'head' },
      { kind: 'missing', text: 'foo 200' },
      { kind: 'unexpected', text: 'foo 503' },
      { kind: 'same', text: 'bar 200' },
      { kind: 'same', text: 'end' },
    ]);
  });

  it('shows nothing of what … covers', () => {
    expect(diffOutput(['a', '…', 'z'], ['a', 'b', 'c', 'z', 'more'])).to.deep.equal([
      { kind: 'same', text: 'a' },
      { kind: 'any', text: '…' },
      { kind: 'same', text: 'z' },
      { kind: 'unexpected', text: 'more' },
    ]);
  });
});
