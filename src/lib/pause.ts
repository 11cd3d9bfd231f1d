import type { Clock } from './clock.ts';

/**
 * Waits, or throws the signal's reason. For what somebody asked for and waits on: the process stays alive meanwhile, which
 * the timers of a {@link Clock} alone would not see to.
 */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal?.reason);
  using _timer = clock.after(ms, resolve);
  const alive = setInterval(() => undefined, 60_000);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    clearInterval(alive);
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Waits, or ends early, without an error, when the signal aborts. For loops that work in the background: they look at
 * their signal themselves, and keep no process alive.
 */
export async function pauseQuietly(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  signal.addEventListener('abort', end, { once: true });
  using _timer = clock.after(ms, end);
  await promise;
  signal.removeEventListener('abort', end);
}
