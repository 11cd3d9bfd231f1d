/** Headers of which Envoy keeps one alone: what comes again is appended to it, by this. */
const single: ReadonlyMap<string, string> = new Map([
  ['authorization', ','],
  ['x-forwarded-for', ','],
  ['cookie', '; '],
]);

/** Headers of one request, pseudo headers too, while its filters run: some of them remove and add. Names are in lower case. */
export class Headers {
  readonly #values = new Map<string, readonly string[]>();

  constructor(entries: Iterable<readonly [name: string, value: string]>) {
    for (const [name, value] of entries) this.add(name, value);
  }

  add(name: string, value: string): void {
    const key = name.toLowerCase();
    const before = this.#values.get(key) ?? [];
    const separator = single.get(key);
    this.#values.set(key, separator === undefined ? [...before, value] : [[...before, value].join(separator)]);
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), [value]);
  }

  remove(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  all(name: string): readonly string[] {
    return this.#values.get(name.toLowerCase()) ?? [];
  }

  first(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** The values of each name, one by one. */
  values(): ReadonlyMap<string, readonly string[]> {
    return new Map(this.#values);
  }

  /** Several values of one name as one text, joined by commas. */
  joined(): ReadonlyMap<string, string> {
    return new Map([...this.#values].map(([name, values]) => [name, values.join(',')]));
  }
}
