import { Backoff } from '../kube/backoff.ts';
import { MeshError } from '../lib/errors.ts';
import type { Surroundings } from '../lib/surroundings.ts';

export interface KeyedWorkOptions extends Surroundings {
  /** How many run at once. */
  readonly parallel: number;
  /** Brings one thing in order; `wrote` where that took a write. A throw is tried again later. `signal`: nobody waits. */
  readonly run: (key: string, signal: AbortSignal) => Promise<'wrote' | 'equal'>;
}

/** What is known of a key that is not at rest. */
interface KeyState {
  readonly backoff: Backoff;
  phase: 'queued' | 'running' | 'waiting' | 'idle';
  /** Touched while it ran. */
  again: boolean;
  timer: Disposable | undefined;
  /** Writes in a row without calm between them. */
  writes: number;
  wroteAt: number;
}

/** Writes of one thing that happen without delay; whoever undoes them again and again is answered more and more slowly. */
const freeWrites = 8;
const longestHoldMs = 60_000;
/** So long without a write, and the quarrel is over. */
const calmMs = 300_000;

/**
 * Brings many things in order, each by its key: once however often it was touched, so many at a time, later and later where
 * it fails or where somebody else keeps undoing it. Nothing happens for keys that nobody touches.
 */
export class KeyedWork implements AsyncDisposable {
  readonly #options: KeyedWorkOptions;
  readonly #states = new Map<string, KeyState>();
  readonly #queue = new Set<string>();
  #running = 0;
  readonly #end = new AbortController();
  #idle: (() => void) | undefined;
  #problem = '';

  constructor(options: KeyedWorkOptions) {
    this.#options = options;
  }

  touch(key: string): void {
    if (this.#end.signal.aborted) return;
    const state = this.#stateOf(key);
    if (state.phase === 'running') state.again = true;
    if (state.phase !== 'idle') return;
    const waitMs = this.#holdBack(state);
    if (waitMs > 0) this.#later(key, state, waitMs);
    else this.#enqueue(key, state);
  }

  /** Starts nothing more, and waits for what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#queue.clear();
    for (const { timer } of this.#states.values()) timer?.[Symbol.dispose]();
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #stateOf(key: string): KeyState {
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const backoff = new Backoff(this.#options.random);
    const state: KeyState = { backoff, phase: 'idle', again: false, timer: undefined, writes: 0, wroteAt: 0 };
    this.#states.set(key, state);
    return state;
  }

  /** How long a write must wait where there were several just before. */
  #holdBack(state: KeyState): number {
    const { clock } = this.#options;
    if (state.writes < freeWrites) return 0;
    const pauseMs = Math.min(longestHoldMs, 1_000 * 2 ** (state.writes - freeWrites));
    return state.wroteAt + pauseMs - clock.now();
  }

  #later(key: string, state: KeyState, waitMs: number): void {
    state.phase = 'waiting';
    state.timer = this.#options.clock.after(waitMs, () => this.#enqueue(key, state));
  }

  #enqueue(key: string, state: KeyState): void {
    state.phase = 'queued';
    this.#queue.add(key);
    this.#pump();
  }

  #pump(): void {
    for (const key of this.#queue) {
      if (this.#running >= this.#options.parallel) return;
      this.#queue.delete(key);
      this.#running += 1;
      void this.#run(key, this.#stateOf(key)).finally(() => {
        this.#running -= 1;
        if (this.#end.signal.aborted && this.#running === 0) this.#idle?.();
        this.#pump();
      });
    }
  }

  async #run(key: string, state: KeyState): Promise<void> {
    const { clock, log } = this.#options;
    state.phase = 'running';
    state.again = false;
    try {
      const result = await this.#options.run(key, this.#end.signal);
      state.phase = 'idle';
      state.backoff.reset();
      this.#problem = '';
      const calm = clock.now() - state.wroteAt >= calmMs;
      if (result === 'wrote') {
        state.writes = calm ? 1 : state.writes + 1;
        state.wroteAt = clock.now();
        if (state.writes === freeWrites)
          log.warn({ key }, 'somebody else keeps changing what this replica writes: writing it less often');
      } else if (calm) {
        state.writes = 0;
      }
      if (state.again) this.touch(key);
    } catch (thrown) {
      if (this.#end.signal.aborted) return;
      const { code, message } = MeshError.from(thrown);
      const retryInMs = Math.round(state.backoff.next());
      // An API server that is down fails everything: that is said once.
      if (code !== this.#problem) log.warn({ key, code, error: message, retryInMs }, 'a write failed: trying again');
      this.#problem = code;
      this.#later(key, state, retryInMs);
    }
  }
}
