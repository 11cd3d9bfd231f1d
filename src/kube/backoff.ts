const firstMs = 1_600;
const longestMs = 30_000;

/** Waits that double from 0.8 s up to 30 s, each with a random half, so that many watchers don't come back at once. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** How long to wait after one more failure, in ms. */
  next(): number {
    const upper = Math.min(longestMs, firstMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return upper * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
