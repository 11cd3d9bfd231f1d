import type { Clock } from '../lib/clock.ts';
import type { Leaver } from './connections.ts';

/** No replica gets more than this many of our clients each second, where the time allows. */
const pacePerSecond = 100;
/** What is left of the time for the last ones to finish. */
const share = 0.8;

/**
 * Asks streams to leave, one after the other with jitter: the other replicas get them spread over the time, and not all
 * at once. Few are let go quickly; many get most of `graceMs`. Dispose to ask nobody any more.
 */
export function spreadLeaves(
  streams: readonly Leaver[],
  { graceMs, clock, random }: { readonly graceMs: number; readonly clock: Clock; readonly random: () => number },
): Disposable {
  const windowMs = Math.min(graceMs * share, (streams.length / pacePerSecond) * 1000);
  const timers = streams.map((stream, index) => {
    const at = ((index + random()) / streams.length) * windowMs;
    return clock.after(at, () => stream.leave());
  });
  return {
    [Symbol.dispose]: () => {
      for (const timer of timers) {
        timer[Symbol.dispose]();
      }
    },
  };
}
