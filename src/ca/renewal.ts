import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';

/** Draws a number in [0, 1); an argument, so that tests know it. */
export type Random = () => number;

const earliest = 0.4;
const spread = 0.1;
const shortestLifeMs = 1000;

/**
 * When a certificate is to be renewed: between 0.4 and 0.5 of its life, drawn once for each, so that a fleet that came
 * up together doesn't renew together. Before half, so that an outage as long as the other half harms nobody.
 */
export function renewalTime(issuedAt: number, notAfter: number, random: Random): number {
  const life = Math.max(notAfter - issuedAt, shortestLifeMs);
  return issuedAt + Math.floor(life * (earliest + spread * random()));
}

const firstRetryMs = 1000;
const lastRetryMs = 60_000;

export interface RenewalOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Does it, and tells when the next time is. Throws where it failed; what was before stays in use. */
  renew(): number;
  failed(error: MeshError, retryInMs: number): void;
}

/** Runs `renew` at `dueAt` and from then on whenever it is due; after a failure again, later each time, up to a minute. */
export function startRenewal(dueAt: number, options: RenewalOptions): Disposable {
  let timer: Disposable | undefined;
  let failures = 0;
  let ended = false;
  const arm = (at: number): void => {
    if (!ended) timer = options.clock.after(Math.max(at - options.clock.now(), 0), run);
  };
  const run = (): void => {
    let next: number;
    try {
      next = options.renew();
      failures = 0;
    } catch (thrown) {
      const delay = Math.min(firstRetryMs * 2 ** failures, lastRetryMs);
      const jittered = Math.floor(delay * (0.8 + 0.4 * options.random()));
      failures++;
      next = options.clock.now() + jittered;
      options.failed(MeshError.from(thrown), jittered);
    }
    arm(next);
  };
  arm(dueAt);
  return {
    [Symbol.dispose]() {
      ended = true;
      timer?.[Symbol.dispose]();
    },
  };
}
