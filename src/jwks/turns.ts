/** How many fetches run at once: in all, against one server, and for one namespace. */
export interface TurnLimits {
  readonly total: number;
  readonly host: number;
  readonly owner: number;
}

/** Room for many issuers, and never all of it for one namespace or one server. */
export const defaultTurns: TurnLimits = { total: 64, host: 4, owner: 8 };

interface Waiting {
  readonly host: string;
  readonly owners: readonly string[];
  readonly start: (turn: Disposable) => void;
}

/**
 * A bounded number of fetches at once. Where more are wanted, the next turn goes to the namespace with the fewest under way, so that a
 * namespace full of issuers that never answer delays its own ones only.
 */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #waiting = new Set<Waiting>();
  readonly #hosts = new Map<string, number>();
  readonly #owners = new Map<string, number>();
  #running = 0;

  constructor(limits: TurnLimits = defaultTurns) {
    this.#limits = limits;
  }

  /** Waits for a turn; dispose it to give it back. Undefined if the signal aborts first. */
  async take(host: string, owners: readonly string[], signal: AbortSignal): Promise<Disposable | undefined> {
    if (signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<Disposable | undefined>();
    const waiting: Waiting = { host, owners, start: resolve };
    const leave = (): void => {
      this.#waiting.delete(waiting);
      resolve(undefined);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.add(waiting);
    this.#startMore();
    const turn = await promise;
    signal.removeEventListener('abort', leave);
    return turn;
  }

  #startMore(): void {
    for (;;) {
      const next = this.#next();
      if (next === undefined) return;
      this.#start(...next);
    }
  }

  /** Whose turn it is, and which of its namespaces it counts for. */
  #next(): readonly [Waiting, string] | undefined {
    if (this.#running >= this.#limits.total) return undefined;
    let best: readonly [Waiting, string] | undefined;
    let fewest = this.#limits.owner;
    for (const waiting of this.#waiting) {
      if ((this.#hosts.get(waiting.host) ?? 0) >= this.#limits.host) continue;
      for (const owner of waiting.owners) {
        const running = this.#owners.get(owner) ?? 0;
        if (running < fewest) [best, fewest] = [[waiting, owner], running];
      }
    }
    return best;
  }

  #start(waiting: Waiting, owner: string): void {
    this.#waiting.delete(waiting);
    this.#count(waiting.host, owner, 1);
    let over = false;
    waiting.start({
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        this.#count(waiting.host, owner, -1);
        this.#startMore();
      },
    });
  }

  #count(host: string, owner: string, change: 1 | -1): void {
    this.#running += change;
    for (const [counts, key] of [
      [this.#hosts, host],
      [this.#owners, owner],
    ] as const) {
      const count = (counts.get(key) ?? 0) + change;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    }
  }
}
