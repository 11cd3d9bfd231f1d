import type { Clock } from '../lib/clock.ts';

/** Limits of {@link SendBudget}. */
export interface SendLimits {
  /** Bytes of all streams that were written and are not flushed. */
  readonly total: number;
  /** The same of one stream: above this it gets nothing more. */
  readonly perStream: number;
  /** A write that takes longer is no longer held against the others. */
  readonly slowAfterMs: number;
  /** A write that takes longer ends its stream. */
  readonly stalledAfterMs: number;
}

export const defaultSendLimits: SendLimits = {
  total: 32 * 1024 * 1024,
  perStream: 1024 * 1024,
  slowAfterMs: 1000,
  stalledAfterMs: 60_000,
};

/**
 * Bounds what is on its way to all sockets together: a thousand first connects of a megabyte each would otherwise stand in
 * memory at once. Streams that don't fit wait in line, and a slow one doesn't count after a while, so that it delays nobody.
 */
export class SendBudget {
  readonly limits: SendLimits;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #used = 0;
  #waking = false;

  constructor(clock: Clock, limits: SendLimits) {
    this.#clock = clock;
    this.limits = limits;
  }

  get used(): number {
    return this.#used;
  }

  get open(): boolean {
    return this.#used < this.limits.total;
  }

  /** Puts `ready` in line; it's called once when there is room. */
  wait(ready: () => void): void {
    this.#waiting.add(ready);
  }

  leave(ready: () => void): void {
    this.#waiting.delete(ready);
  }

  /** Takes note of a write. `overdue` is called when it's slow, and again when it's stalled. */
  spend(bytes: number, overdue: (how: 'slow' | 'stalled') => void): Disposable {
    this.#used += bytes;
    let counted = true;
    const giveBack = (): void => {
      if (counted) {
        counted = false;
        this.#used -= bytes;
        this.#wake();
      }
    };
    const { slowAfterMs, stalledAfterMs } = this.limits;
    let timer = this.#clock.after(slowAfterMs, () => {
      giveBack();
      overdue('slow');
      timer = this.#clock.after(stalledAfterMs - slowAfterMs, () => overdue('stalled'));
    });
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        giveBack();
      },
    };
  }

  #wake(): void {
    if (this.#waking || this.#waiting.size === 0) {
      return;
    }
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      for (const ready of [...this.#waiting]) {
        if (!this.open) {
          return;
        }
        this.#waiting.delete(ready);
        ready();
      }
    });
  }
}
