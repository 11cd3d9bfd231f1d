import type { Clock } from '../lib/clock.ts';

/** How many streams a replica takes. */
export interface AdmissionLimits {
  /** Open streams, 0 for any number. One more is sent elsewhere, those that are open stay. */
  readonly maxStreams: number;
  /** New streams in the long run, and at once after a quiet time. */
  readonly perSecond: number;
  readonly burst: number;
  /** A stream that would have to wait longer for its turn is sent elsewhere. */
  readonly maxWaitMs: number;
}

/**
 * 5,000 streams over TLS are about 350 MB of sockets and buffers in this process (70 kB each, measured). A thousand
 * sidecars that come back at once, after a replica died, get in without a wait, which blocks nobody for long; what comes on
 * top waits its turn at the rate that one core can serve, so that requests and pushes of those who are in stay quick.
 */
export const defaultAdmissionLimits: AdmissionLimits = {
  maxStreams: 5000,
  perSecond: 1000,
  burst: 1000,
  maxWaitMs: 1000,
};

/** What becomes of a new stream. */
export type Ticket =
  | { readonly kind: 'enter'; readonly afterMs: number }
  | { readonly kind: 'refuse'; readonly reason: 'full' | 'busy' };

/** The door of a replica: a bound on how many streams it holds, and a token bucket for how fast they come (behaviour.md 7.2). */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #inside = new Set<object>();
  /** When the next turn is, with all that was saved up: ms since the epoch. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: AdmissionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get full(): boolean {
    const { maxStreams } = this.#limits;
    return maxStreams > 0 && this.#inside.size >= maxStreams;
  }

  /** Asks for a turn. A refusal takes no token. */
  ask(): Ticket {
    if (this.full) {
      return { kind: 'refuse', reason: 'full' };
    }
    const { perSecond, burst, maxWaitMs } = this.#limits;
    const interval = 1000 / perSecond;
    const now = this.#clock.now();
    // A turn that far ahead was never given: the clock was set back.
    const next = this.#next > now + maxWaitMs + interval ? now : this.#next;
    const turn = Math.max(next, now - (burst - 1) * interval);
    const afterMs = Math.max(turn - now, 0);
    if (afterMs > maxWaitMs) {
      return { kind: 'refuse', reason: 'busy' };
    }
    this.#next = turn + interval;
    return { kind: 'enter', afterMs };
  }

  /**
   * Takes a stream in once it proved who it is, so that strangers can't fill the house; undefined where it filled up
   * meanwhile. Dispose when the stream is over.
   */
  enter(): Disposable | undefined {
    if (this.full) {
      return undefined;
    }
    const place = {};
    this.#inside.add(place);
    return { [Symbol.dispose]: () => this.#inside.delete(place) };
  }
}
