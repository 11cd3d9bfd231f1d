import type { Clock } from '../lib/clock.ts';

/** How many streams a replica takes. */
export interface AdmissionLimits {
  /** Open streams, 0 for any number. One more is sent elsewhere, unless somebody holds more than their share. */
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

/** A stream that is inside; called when it must make room. */
type Guest = () => void;

/**
 * The door of a replica: a bound on how many streams it holds, and a token bucket for how fast they come (behaviour.md 7.2). A full house has
 * room for who holds less than somebody else: one token, with which anybody can open thousands, shuts nobody out.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  /** By owner, oldest first. */
  readonly #inside = new Map<string, Set<Guest>>();
  #count = 0;
  /** When the next turn is, with all that was saved up: ms since the epoch. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: AdmissionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get full(): boolean {
    const { maxStreams } = this.#limits;
    return maxStreams > 0 && this.#count >= maxStreams;
  }

  /** Asks for a turn. A refusal takes no token. */
  ask(): Ticket {
    if (this.full && this.#greediest().guests.size <= 1) {
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
   * Takes a stream in once it proved who it is, so that strangers can't fill the house; undefined where there is no room.
   * In a full house `end` of the oldest stream of whoever holds the most is called, if that is more than the newcomer would then hold.
   * Dispose when the stream is over.
   */
  enter(owner: string, end: Guest): Disposable | undefined {
    const own = this.#inside.get(owner) ?? new Set();
    if (this.full) {
      const { name, guests } = this.#greediest();
      if (guests.size <= own.size + 1) {
        return undefined;
      }
      for (const oldest of guests) {
        this.#leave(name, oldest);
        oldest();
        break;
      }
    }
    // A function of its own, as two streams may give the same one.
    const guest: Guest = () => end();
    this.#inside.set(owner, own.add(guest));
    this.#count++;
    return { [Symbol.dispose]: () => this.#leave(owner, guest) };
  }

  #leave(owner: string, guest: Guest): void {
    const own = this.#inside.get(owner);
    if (own?.delete(guest) !== true) {
      return;
    }
    this.#count--;
    if (own.size === 0) {
      this.#inside.delete(owner);
    }
  }

  #greediest(): { readonly name: string; readonly guests: ReadonlySet<Guest> } {
    let most: { readonly name: string; readonly guests: ReadonlySet<Guest> } = { name: '', guests: new Set() };
    for (const [name, guests] of this.#inside) {
      if (guests.size > most.guests.size) {
        most = { name, guests };
      }
    }
    return most;
  }
}
