import { expect } from 'chai';
import fc from 'fast-check';
import { unifiedDiff } from '../../../src/cli/diff.ts';

/** Applies a unified diff, checking every line that it says to be there. */
function apply(text: string, diff: string): string {
  const lines = text.split('\n');
  const result: string[] = [];
  let next = 0;
  for (const line of diff.split('\n').slice(2, -1)) {
    const hunk = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[1]) - 1;
      result.push(...lines.slice(next, start));
      next = start;
      expect(Number(hunk[3]) - 1).to.equal(result.length);
      continue;
    }
    const [sign, content] = [line[0], line.slice(1)];
    if (sign !== '+') {
      expect(content).to.equal(lines[next]);
      next++;
    }
    if (sign !== '-') result.push(content);
  }
  return [...result, ...lines.slice(next)].join('\n');
}

describe('unified diffs', () => {
  it('says nothing about equal texts', () => {
    expect(unifiedDiff('a\nb', 'a\nb', 'left', 'right')).to.equal('');
  });

  it('shows three lines of context', () => {
    expect(unifiedDiff('1\n2\n3\n4\n5\n6\n7\n8\n9', '1\n2\n3\n4\nfive\n6\n7\n8\n9', 'left', 'right')).to.equal(
      '--- left\n+++ right\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
    );
  });

  it('leads from the one text to the other, whatever they are', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '{', '}'), { minLength: 1, maxLength: 40 })
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (left, right) => {
        const diff = unifiedDiff(left, right, 'left', 'right');
        expect(diff === '' ? left : apply(left, diff)).to.equal(right);
      }),
    );
  });

  it('gives up on the shortest script, not on being right, for long texts without anything in common', () => {
    const [left, right] = ['l', 'r'].map((name) =>
      Array.from({ length: 3_000 }, (_, index) => `${name}${index}`).join('\n'),
    );
    expect(apply(left ?? '', unifiedDiff(left ?? '', right ?? '', 'left', 'right'))).to.equal(right);
  });
});
