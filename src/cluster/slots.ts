import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';

export interface SlotsOptions {
  /** How many run at once. */
  readonly parallel: number;
  /** How many may wait for their turn, and how long. */
  readonly waiting: number;
  readonly waitMs: number;
  readonly clock: Clock;
}

/** So many at once and no more; who would wait too long is told so at once (`unavailable`), and can try elsewhere. */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #queue = new Set<() => void>();
  #running = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.parallel) await this.#turn();
    this.#running += 1;
    try {
      return await task();
    } finally {
      this.#running -= 1;
      const [next] = this.#queue;
      next?.();
    }
  }

  /** Counts as running from the moment it is woken: no newcomer gets in between. */
  async #turn(): Promise<void> {
    const { clock, waiting, waitMs } = this.#options;
    if (this.#queue.size >= waiting) throw busy();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const wake = (): void => {
      this.#queue.delete(wake);
      this.#running += 1;
      resolve();
    };
    this.#queue.add(wake);
    using _timer = clock.after(waitMs, () => {
      if (this.#queue.delete(wake)) reject(busy());
    });
    await promise;
    this.#running -= 1;
  }
}

const busy = (): MeshError => new MeshError('unavailable', 'too many at once: try again later');
