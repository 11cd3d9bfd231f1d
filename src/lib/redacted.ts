import { inspect } from 'node:util';

/**
 * A secret that can't be printed: every way of formatting it gives `[redacted]`. Debug pages and dumps are written later,
 * by somebody else; `.reveal()` is easy to grep for.
 */
export class Redacted<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
