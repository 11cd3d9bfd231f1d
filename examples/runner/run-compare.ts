/** How one line of a promise and of what was seen fare, in reading order. */
export type DiffLine =
  | { readonly kind: 'same' | 'missing' | 'unexpected'; readonly text: string }
  | { readonly kind: 'any'; readonly text: string };

/** Stands for any text within a line; alone on a line, for any lines, also none. */
const ELLIPSIS = '…';

/** Does the line that was seen keep the promise? Blanks at the end of a line don't count: editors remove them. */
export function lineMatches(expected: string, seen: string): boolean {
  const parts = expected.trimEnd().split(ELLIPSIS).map(escape);
  return new RegExp(`^${parts.join('.*')}$`, 's').test(seen.trimEnd());
}

export function outputMatches(expected: readonly string[], seen: readonly string[]): boolean {
  return costs(expected, seen)[0]?.[0] === 0;
}

/** The fewest lines to take out and put in that make both agree. */
export function diffOutput(expected: readonly string[], seen: readonly string[]): readonly DiffLine[] {
  const table = costs(expected, seen);
  const cost = (i: number, j: number): number => table[i]?.[j] ?? Number.POSITIVE_INFINITY;
  const lines: DiffLine[] = [];
  for (let i = 0, j = 0; i < expected.length || j < seen.length; ) {
    const [wanted, got] = [expected[i], seen[j]];
    const here = cost(i, j);
    if (isAnyLines(wanted) && here === cost(i + 1, j)) {
      lines.push({ kind: 'any', text: ELLIPSIS });
      i += 1;
    } else if (isAnyLines(wanted) && here === cost(i, j + 1)) {
      j += 1;
    } else if (wanted !== undefined && got !== undefined && here === cost(i + 1, j + 1) && lineMatches(wanted, got)) {
      lines.push({ kind: 'same', text: got });
      i += 1;
      j += 1;
    } else if (wanted !== undefined && here === 1 + cost(i + 1, j)) {
      lines.push({ kind: 'missing', text: wanted });
      i += 1;
    } else {
      lines.push({ kind: 'unexpected', text: got ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** Edit distance of each rest of the promise from each rest of what was seen; at [0][0], of all from all. */
function costs(expected: readonly string[], seen: readonly string[]): readonly (readonly number[])[] {
  const table: number[][] = [];
  for (let i = expected.length; i >= 0; i -= 1) {
    const row: number[] = [];
    table[i] = row;
    for (let j = seen.length; j >= 0; j -= 1) row[j] = cost(expected[i], seen[j], table[i + 1], row, j);
  }
  return table;
}

function cost(
  wanted: string | undefined,
  got: string | undefined,
  below: readonly number[] | undefined,
  row: readonly number[],
  j: number,
): number {
  const far = Number.POSITIVE_INFINITY;
  if (wanted === undefined && got === undefined) return 0;
  const without = below?.[j] ?? far;
  const past = row[j + 1] ?? far;
  if (isAnyLines(wanted)) return Math.min(without, past);
  const both = wanted !== undefined && got !== undefined && lineMatches(wanted, got) ? (below?.[j + 1] ?? far) : far;
  return Math.min(both, 1 + without, 1 + past);
}

function isAnyLines(line: string | undefined): boolean {
  return line?.trim() === ELLIPSIS;
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}
