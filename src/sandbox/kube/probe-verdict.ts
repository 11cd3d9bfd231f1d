import type { Probe } from './pod.ts';

/** What a probe's answers amount to, counted as its thresholds say (core/v1 Probe). */
export interface ProbeState {
  /** `undefined` until a threshold was reached for the first time. */
  readonly verdict: 'success' | 'failure' | undefined;
  readonly successes: number;
  readonly failures: number;
}

export const noAnswers: ProbeState = { verdict: undefined, successes: 0, failures: 0 };

/**
 * Counts one answer. An `early` one comes between the times that the probe names, before its first success: it can only
 * make the pod ready sooner, never be one of the failures that are held against it.
 */
export function countAnswer(state: ProbeState, ok: boolean, probe: Probe, early: boolean): ProbeState {
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  if (ok) {
    const successes = state.successes + 1;
    return { verdict: successes >= successThreshold ? 'success' : state.verdict, successes, failures: 0 };
  }
  if (early) return { ...state, successes: 0 };
  const failures = state.failures + 1;
  return { verdict: failures >= failureThreshold ? 'failure' : state.verdict, successes: 0, failures };
}

/** While a probe has not succeeded yet, it is asked this often in between: a sandbox is to be up in no time. */
const earlyEveryMs = 200;

/** When to ask next: the delay, and whether that answer is an early one. `untilDueMs` is the time to the next one that counts. */
export function nextAsk(state: ProbeState, untilDueMs: number): { readonly delayMs: number; readonly early: boolean } {
  if (state.verdict === undefined && untilDueMs > earlyEveryMs) return { delayMs: earlyEveryMs, early: true };
  return { delayMs: Math.max(0, untilDueMs), early: false };
}
