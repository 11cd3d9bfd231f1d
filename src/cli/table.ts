import { printable } from '../lib/printable.ts';

/** Space between columns: the one that users of `istioctl` tables cut at. */
const gap = '     ';

/**
 * Aligned columns with a header line, one row a line, no trailing spaces. Widths count code points, and control characters
 * are shown as escapes, so that a name taken from a file can't move the cursor of a terminal.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers, ...rows].map((line) => headers.map((_, column) => printable(line[column] ?? '')));
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  return lines.map((line) => `${alignLine(line, widths)}\n`).join('');
}

function alignLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
    .join(gap)
    .trimEnd();
}

function width(text: string): number {
  return [...text].length;
}
