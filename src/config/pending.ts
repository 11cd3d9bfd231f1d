import type { Clock } from '../lib/clock.ts';
import type { TreeSign } from './tree-watch.ts';

/** What has to be looked at. */
export interface Work {
  readonly paths: ReadonlySet<string>;
  /** Walk the tree. */
  readonly tree: boolean;
  /** Read every file, whatever its stamp says. */
  readonly verify: boolean;
}

/**
 * Merges signs into work. The first sign after a pause is due `debounceMs` later, with all that came meanwhile; nothing
 * waits longer than that for a quiet moment.
 */
export class Pending {
  readonly #clock: Clock;
  readonly #debounceMs: number;
  #paths = new Set<string>();
  #tree = false;
  #verify = false;
  #timer: Disposable | undefined;
  #due = false;
  #wake: () => void = () => undefined;

  constructor(clock: Clock, debounceMs: number) {
    this.#clock = clock;
    this.#debounceMs = debounceMs;
  }

  add(sign: TreeSign | { readonly kind: 'verify' }): void {
    if (sign.kind === 'file') this.#paths.add(sign.path);
    else this.#tree = true;
    if (sign.kind === 'verify') this.#verify = true;
    this.#timer ??= this.#clock.after(this.#debounceMs, () => {
      this.#due = true;
      this.#wake();
    });
  }

  /** The next work; undefined once `signal` aborts. */
  async take(signal: AbortSignal): Promise<Work | undefined> {
    while (!this.#due && !signal.aborted) await this.#woken(signal);
    if (signal.aborted) return undefined;
    const work = { paths: this.#paths, tree: this.#tree, verify: this.#verify };
    [this.#paths, this.#tree, this.#verify] = [new Set(), false, false];
    [this.#timer, this.#due] = [undefined, false];
    return work;
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#wake = () => undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
