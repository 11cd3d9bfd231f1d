import { MeshError } from '../lib/errors.ts';
import { pauseQuietly } from '../lib/pause.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import { Backoff } from './backoff.ts';

/** Work that only the leader does. Returns once it is done or `signal` aborts; a throw starts it again. */
export type Duty = (signal: AbortSignal) => Promise<void>;

/** Several duties as one; each is started again by itself where it fails. */
export function together(duties: Readonly<Record<string, Duty>>, options: Surroundings): Duty {
  return async (signal) => {
    const running = Object.entries(duties).map(([name, duty]) =>
      keepRunning(duty, { ...options, log: options.log.child({ duty: name }) }, signal),
    );
    await Promise.all(running);
  };
}

/** Runs a duty until the signal aborts; one that throws is logged and started again after a while, a longer one each time. */
export async function keepRunning(
  duty: Duty,
  { clock, random, log }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(random);
  while (!signal.aborted) {
    try {
      await duty(signal);
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = MeshError.from(thrown);
      const retryInMs = Math.round(backoff.next());
      log.error({ code, error: message, retryInMs }, 'a duty of the leader failed: starting it again');
      await pauseQuietly(clock, retryInMs, signal);
    }
  }
}
