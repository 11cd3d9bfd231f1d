/** A table before it is aligned. */
export interface View {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Cells of rows compared from left to right; numbers by value. For the views that users know as sorted. */
export function sortRows(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...rows].sort((a, b) => {
    for (const [column, cell] of a.entries()) {
      const order = compareCells(cell, b[column] ?? '');
      if (order !== 0) return order;
    }
    return 0;
  });
}

function compareCells(a: string, b: string): number {
  const [left, right] = [Number(a), Number(b)];
  if (a !== '' && b !== '' && Number.isFinite(left) && Number.isFinite(right)) return left - right;
  return a < b ? -1 : a > b ? 1 : 0;
}
