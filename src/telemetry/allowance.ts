import type { Clock } from '../lib/clock.ts';

/** How many bytes of messages are read, in the long run and at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Reading costs more than its bytes: a message of nothing is no gift. */
const messageBytes = 512;

/**
 * Bounds the work that workloads can make for us by telling: token buckets, one for each and one for all. What is beyond them
 * isn't read.
 */
export class Allowance {
  readonly #clock: Clock;
  readonly #each: Rate;
  readonly #all: Rate;
  readonly #buckets = new Map<string, Bucket>();
  readonly #common: Bucket;

  constructor(clock: Clock, each: Rate, all: Rate) {
    this.#clock = clock;
    this.#each = each;
    this.#all = all;
    this.#common = { tokens: all.burst, at: clock.now() };
  }

  /** Whether a message of this size is read; if so it's paid for. */
  spend(owner: string, bytes: number): boolean {
    const now = this.#clock.now();
    const own = this.#buckets.get(owner) ?? { tokens: this.#each.burst, at: now };
    this.#buckets.set(owner, own);
    fill(own, this.#each, now);
    fill(this.#common, this.#all, now);
    const cost = bytes + messageBytes;
    if (own.tokens < cost || this.#common.tokens < cost) return false;
    own.tokens -= cost;
    this.#common.tokens -= cost;
    return true;
  }

  /** Takes more for what a message turned out to be; it may be taken from what comes later. */
  charge(owner: string, bytes: number): void {
    const own = this.#buckets.get(owner);
    if (own !== undefined) own.tokens -= bytes;
    this.#common.tokens -= bytes;
  }

  /** Forgets whoever has all of their allowance again: not before, or a new stream would bring a new one. */
  sweep(): void {
    const now = this.#clock.now();
    for (const [owner, bucket] of this.#buckets) {
      fill(bucket, this.#each, now);
      if (bucket.tokens >= this.#each.burst) this.#buckets.delete(owner);
    }
  }
}

function fill(bucket: Bucket, { perSecond, burst }: Rate, now: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * perSecond);
  bucket.at = now;
}
