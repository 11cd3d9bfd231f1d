/**
 * What was made of an object and of others, for as long as all of them are the very same. For what is large: a BuildCache finds things
 * by content, which it has to write out each time.
 */
export class Made<K extends object, V> {
  readonly #known = new WeakMap<K, { readonly from: readonly unknown[]; readonly value: V }>();

  /** Made before, or now. */
  get(object: K, from: readonly unknown[], make: () => V): V {
    const known = this.#known.get(object);
    if (known !== undefined && sameObjects(known.from, from)) return known.value;
    const value = make();
    this.#known.set(object, { from, value });
    return value;
  }
}

/** The same objects, or equal texts and numbers, in the same places. */
export function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((each, index) => each === b[index]));
}
