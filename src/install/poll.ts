import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { pause } from '../lib/pause.ts';

/** How long to wait for something, and what ends the wait. */
export interface PollOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/**
 * Asks again and again until `look` gives no reason to wait any more. Throws `unavailable` with the last reason after the
 * time, and the signal's reason when it aborts.
 */
export async function pollUntil(
  what: string,
  options: PollOptions,
  look: () => Promise<string | undefined>,
): Promise<void> {
  const { clock, signal, timeoutMs, intervalMs = 200 } = options;
  const end = clock.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const reason = await look();
    if (reason === undefined) return;
    if (clock.now() >= end) throw new MeshError('unavailable', `${what}: ${reason} (after ${timeoutMs / 1000} s)`);
    await pause(clock, intervalMs, signal);
  }
}
