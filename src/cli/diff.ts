/** A line of a diff: kept, only on the left, only on the right. */
interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** A unified diff of two texts, '' if they are equal. Three lines of context, as `diff -u` has it. */
export function unifiedDiff(left: string, right: string, leftName: string, rightName: string): string {
  if (left === right) return '';
  const lines = diffLines(left.split('\n'), right.split('\n'));
  return [`--- ${leftName}`, `+++ ${rightName}`, ...hunks(lines)].map((line) => `${line}\n`).join('');
}

/** Beyond this many changed lines nobody reads a minimal diff, and finding it costs their square. */
const maxEdits = 2_000;

/** Furthest line of the left text reached on each diagonal (left minus right line number). */
type Reach = ReadonlyMap<number, number>;

/** Myers' greedy algorithm ("An O(ND) Difference Algorithm", 1986): shortest edit script, cheap where little differs. */
function diffLines(left: readonly string[], right: readonly string[]): readonly Line[] {
  const trace: Reach[] = [];
  let reach: Reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= maxEdits; edits++) {
    trace.push(reach);
    reach = extend(reach, edits, left, right);
    if ((reach.get(left.length - right.length) ?? -1) >= left.length) {
      return walkBack(left, right, trace);
    }
  }
  return [...left.map((text): Line => ({ sign: '-', text })), ...right.map((text): Line => ({ sign: '+', text }))];
}

/** How far one more edit leads, on every diagonal that it can reach. */
function extend(reach: Reach, edits: number, left: readonly string[], right: readonly string[]): Reach {
  const next = new Map(reach);
  for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
    let x = start(reach, edits, diagonal).x;
    while (x < left.length && x - diagonal < right.length && left[x] === right[x - diagonal]) {
      x++;
    }
    next.set(diagonal, x);
  }
  return next;
}

/** Where a diagonal is entered: by a line of the right text (down), or past one of the left. */
function start(reach: Reach, edits: number, diagonal: number): { readonly x: number; readonly down: boolean } {
  const at = (each: number): number => reach.get(each) ?? -1;
  const down = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1));
  return { x: down ? at(diagonal + 1) : at(diagonal - 1) + 1, down };
}

function walkBack(left: readonly string[], right: readonly string[], trace: readonly Reach[]): readonly Line[] {
  const lines: Line[] = [];
  let [x, y] = [left.length, right.length];
  for (const [edits, reach] of [...trace.entries()].reverse()) {
    const entered = start(reach, edits, x - y);
    while (x > entered.x) {
      lines.push({ sign: ' ', text: left[--x] ?? '' });
      y--;
    }
    if (edits > 0 && entered.down) {
      lines.push({ sign: '+', text: right[--y] ?? '' });
    } else if (edits > 0) {
      lines.push({ sign: '-', text: left[--x] ?? '' });
    }
  }
  return lines.reverse();
}

const context = 3;

function hunks(lines: readonly Line[]): readonly string[] {
  const changed = lines.flatMap((line, index) => (line.sign === ' ' ? [] : [index]));
  const shown: string[] = [];
  let [leftLine, rightLine, next] = [1, 1, 0];
  for (let i = 0; i < changed.length; ) {
    const start = Math.max(next, (changed[i] ?? 0) - context);
    let last = changed[i] ?? 0;
    while (i < changed.length && (changed[i] ?? 0) - last <= 2 * context) last = changed[i++] ?? 0;
    const end = Math.min(lines.length, last + context + 1);
    // What lies between two hunks is equal on both sides.
    leftLine += start - next;
    rightLine += start - next;
    const hunk = lines.slice(start, end);
    const [leftCount, rightCount] = [
      hunk.filter(({ sign }) => sign !== '+').length,
      hunk.filter(({ sign }) => sign !== '-').length,
    ];
    shown.push(
      `@@ -${leftLine},${leftCount} +${rightLine},${rightCount} @@`,
      ...hunk.map(({ sign, text }) => sign + text),
    );
    leftLine += leftCount;
    rightLine += rightCount;
    next = end;
  }
  return shown;
}
