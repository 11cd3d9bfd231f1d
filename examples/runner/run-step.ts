import type { Clock } from '../../src/lib/clock.ts';
import { pause } from '../../src/lib/pause.ts';
import { outputMatches } from './run-compare.ts';
import { type Step, withoutBlankEnd } from './transcript.ts';

/** What a command came to. */
export interface Seen {
  readonly output: readonly string[];
  readonly exitCode: number;
  /** Not compared: progress and complaints, shown where a step fails. */
  readonly complaints: string;
}

/** How steps are run; tests put in their own. */
export interface StepRunner {
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly run: (command: string) => Promise<Seen>;
}

export interface StepResult {
  readonly seen: Seen;
  readonly asExpected: boolean;
  readonly attempts: number;
  readonly tookMs: number;
}

/** Commands that change the mesh: run once, whatever they say. */
export function isEdit(command: string): boolean {
  return edits.some((each) => each.test(command));
}

const edits: readonly RegExp[] = [
  /\bcoxswain sandbox (?:up|apply|delete|down)\b/,
  /\bcoxswain (?:un)?install\b.* --apply\b/,
  /\bkubectl (?:annotate|apply|create|delete|label|patch|replace|rollout restart|scale)\b/,
];

export function seenOf(stdout: string, exitCode: number, complaints: string): Seen {
  return { output: withoutBlankEnd(stdout.split('\n')), exitCode, complaints };
}

export function keepsPromise(step: Step, seen: Seen): boolean {
  return step.exitCode === seen.exitCode && outputMatches(step.output, seen.output);
}

/**
 * Runs a step. A command that only reads is repeated until it shows what is promised, because an edit takes some
 * milliseconds to hold on the wire. Right after an edit it must show it twice in a row: the first answer may still be
 * that of the state before.
 */
export async function runStep(step: Step, afterEdit: boolean, runner: StepRunner): Promise<StepResult> {
  const { clock, patienceMs, signal, run } = runner;
  const began = clock.now();
  const once = isEdit(step.command);
  const wanted = afterEdit && !once ? 2 : 1;
  let inARow = 0;
  for (let attempts = 1; ; attempts += 1) {
    signal.throwIfAborted();
    const seen = await run(step.command);
    const tookMs = clock.now() - began;
    inARow = keepsPromise(step, seen) ? inARow + 1 : 0;
    if (inARow >= wanted) return { seen, asExpected: true, attempts, tookMs };
    if (once || (inARow === 0 && tookMs > patienceMs)) return { seen, asExpected: false, attempts, tookMs };
    await pause(clock, 20, signal);
  }
}
