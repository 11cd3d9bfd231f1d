import type { Clock } from '../lib/clock.ts';

/** When changes go out. */
export interface PushTiming {
  /** How long after the last change of a burst: merges the events of one apply. */
  readonly quietMs: number;
  /** How long after the first one at the latest. */
  readonly maxMs: number;
  /** Streams served before other work of the event loop gets its turn. */
  readonly slice: number;
}

export const defaultPushTiming: PushTiming = { quietMs: 2, maxMs: 50, slice: 50 };

/**
 * Who has something to get. A change of an idle server goes out almost at once; a burst is merged, up to a bound; and a
 * thousand streams are served in slices, so that requests are read and other pushes start in between.
 */
export class PushQueue<T> implements Disposable {
  readonly #clock: Clock;
  readonly #timing: PushTiming;
  readonly #serve: (item: T) => void;
  readonly #items = new Set<T>();
  #timer: Disposable | undefined;
  #firstAt = 0;
  #lastAt = 0;
  #running = false;
  #closed = false;

  constructor(clock: Clock, timing: PushTiming, serve: (item: T) => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#serve = serve;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Adds an item after a change; one that is in line already keeps its place. */
  add(item: T): void {
    this.#items.add(item);
    if (this.#running || this.#closed) {
      return;
    }
    this.#lastAt = this.#clock.now();
    if (this.#timer === undefined) {
      this.#firstAt = this.#lastAt;
      this.#arm(this.#timing.quietMs);
    }
  }

  remove(item: T): void {
    this.#items.delete(item);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#items.clear();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      const now = this.#clock.now();
      const due = Math.min(this.#lastAt + this.#timing.quietMs, this.#firstAt + this.#timing.maxMs);
      if (due > now) {
        this.#arm(due - now);
        return;
      }
      this.#timer = undefined;
      this.#running = true;
      this.#runSlice();
    });
  }

  #runSlice(): void {
    let served = 0;
    for (const item of this.#items) {
      if (served >= this.#timing.slice) {
        setImmediate(() => this.#runSlice());
        return;
      }
      this.#items.delete(item);
      served++;
      this.#serve(item);
    }
    this.#running = false;
  }
}
