import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { Answer } from './answer.ts';
import type { Probe } from './pod.ts';
import { countAnswer, nextAsk, noAnswers } from './probe-verdict.ts';

/**
 * Asks a probe's question when it is due, until the signal ends it or `told` gives false. `told` hears each change of the
 * verdict. With `early`, it is also asked in between until it succeeds for the first time.
 */
export async function watchProbe(
  probe: Probe,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly early: boolean },
  ask: (timeoutMs: number) => Promise<Answer>,
  told: (ok: boolean, message: string) => boolean,
): Promise<void> {
  const { clock, signal } = options;
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  let state = noAnswers;
  if (initialDelaySeconds > 0) await pause(clock, initialDelaySeconds * 1_000, signal);
  for (let due = clock.now(); ; ) {
    const untilDueMs = due - clock.now();
    const { delayMs, early } = options.early
      ? nextAsk(state, untilDueMs)
      : { delayMs: Math.max(0, untilDueMs), early: false };
    if (delayMs > 0) await pause(clock, delayMs, signal);
    if (!early) due = Math.max(due, clock.now()) + periodSeconds * 1_000;
    const { ok, message } = await ask(timeoutSeconds * 1_000);
    if (signal.aborted) return;
    const before = state.verdict;
    state = countAnswer(state, ok, probe, early);
    if (state.verdict !== undefined && state.verdict !== before && !told(ok, message)) return;
  }
}
