import type { Clock } from '../../lib/clock.ts';

/** In ms. */
export interface CoalescerTiming {
  /** How long after the last touch. */
  readonly quietMs: number;
  /** How long after the first touch at the latest. */
  readonly maxMs: number;
  /** How long after the key was last used up, see {@link Coalescer.spent}. */
  readonly gapMs: number;
}

/** Merges touches of a key into one run: after a quiet moment, within a bound, and never sooner than a gap after the last. */
export class Coalescer<K> implements Disposable {
  readonly #clock: Clock;
  readonly #timing: CoalescerTiming;
  readonly #run: (due: readonly K[]) => void;
  readonly #touched = new Map<K, { readonly first: number; readonly due: number }>();
  readonly #spent = new Map<K, number>();
  #timer: { readonly at: number; readonly handle: Disposable } | undefined;
  #closed = false;

  /** `run` gets all keys that are due at once, in the order in which they were touched. */
  constructor(clock: Clock, timing: CoalescerTiming, run: (due: readonly K[]) => void) {
    this.#clock = clock;
    this.#timing = timing;
    this.#run = run;
  }

  touch(key: K): void {
    if (this.#closed) return;
    const { quietMs, maxMs, gapMs } = this.#timing;
    const now = this.#clock.now();
    const known = this.#touched.get(key);
    const first = Math.min(known?.first ?? now, now);
    const free = (this.#spent.get(key) ?? Number.NEGATIVE_INFINITY) + gapMs;
    const due = Math.max(Math.min(now + quietMs, first + maxMs), free);
    this.#touched.set(key, { first, due });
    this.#arm(due);
  }

  /** The key has something to do, but not before `at`; a touch brings it on. */
  later(key: K, at: number): void {
    if (this.#closed || this.#touched.has(key)) return;
    this.#touched.set(key, { first: at, due: at });
    this.#arm(at);
  }

  /** The key did what its runs are for: the gap begins. */
  spent(key: K): void {
    this.#spent.set(key, this.#clock.now());
  }

  forget(key: K): void {
    this.#touched.delete(key);
    this.#spent.delete(key);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.handle[Symbol.dispose]();
    this.#touched.clear();
  }

  #arm(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.handle[Symbol.dispose]();
    const handle = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#wake());
    this.#timer = { at, handle };
  }

  #wake(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    const due: K[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [key, entry] of this.#touched) {
      if (entry.due > now) next = Math.min(next, entry.due);
      else due.push(key);
    }
    for (const key of due) this.#touched.delete(key);
    for (const [key, at] of this.#spent) if (at + this.#timing.gapMs <= now) this.#spent.delete(key);
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    if (due.length > 0) this.#run(due);
  }
}
