/** Who wants to hear of something; each is told at once, in the order in which they came. */
export class Listeners<T = void> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Dispose to hear no more. */
  add(listener: (value: T) => void): Disposable {
    // An entry of its own, so that one function may be added twice.
    const entry = (value: T): void => listener(value);
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  tell(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
}
