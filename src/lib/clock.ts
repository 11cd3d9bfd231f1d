/** Time as an argument, so that expiry, renewal and back-off are tested without waiting. Times are ms since the epoch. */
export interface Clock {
  now(): number;
  /** Runs `task` once after `delayMs` (0 or more); dispose to cancel. Timers never keep the process alive. */
  after(delayMs: number, task: () => void): Disposable;
}

/** Longest delay that a Node timer takes without firing at once (2^31 - 1 ms); longer waits are chained. */
const longestTimer = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, task) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(Math.max(left, 0), longestTimer);
      timer = setTimeout(() => (left > step ? arm(left - step) : task()), step);
      timer.unref();
    };
    arm(delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** A clock that moves only when told to; `advance` runs what falls due, in order. */
export class FakeClock implements Clock {
  #now: number;
  #waiting: { readonly at: number; readonly task: () => void }[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): Disposable {
    const entry = { at: this.#now + delayMs, task };
    this.#waiting.push(entry);
    return {
      [Symbol.dispose]: () => {
        this.#waiting = this.#waiting.filter((each) => each !== entry);
      },
    };
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#waiting.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#waiting = this.#waiting.filter((each) => each !== due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
    }
    this.#now = end;
  }
}
