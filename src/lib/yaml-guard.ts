/**
 * How many values a document holds once its aliases are written out; counting stops above `limit`. An alias bomb is small
 * in memory (aliases share one object) and deadly to walk, so it must be refused before anybody does. A cycle counts as
 * endless.
 */
export function expandedSize(root: unknown, limit: number): number {
  const sizes = new Map<object, number>();
  const open = new Set<object>();
  const measure = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 1;
    const known = sizes.get(value);
    if (known !== undefined) return known;
    if (open.has(value)) return Number.POSITIVE_INFINITY;
    open.add(value);
    let size = 1;
    for (const child of Object.values(value)) {
      size += measure(child);
      if (size > limit) break;
    }
    open.delete(value);
    sizes.set(value, size);
    return size;
  };
  return measure(root);
}
