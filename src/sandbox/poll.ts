import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { pause } from '../lib/pause.ts';

/** How long, and how often, to look again. */
export interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks until the answer is not `undefined`. For what the kernel or another program gives no event for (a port that opens
 * in another namespace); fails with what was waited for, so that a hang explains itself.
 */
export async function poll<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  patience: Patience,
): Promise<T> {
  const { clock, timeoutMs, everyMs = 10, signal } = patience;
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (clock.now() >= deadline) throw new MeshError('unavailable', `${what}: not within ${timeoutMs / 1000} s`);
    await pause(clock, everyMs, signal);
  }
}
