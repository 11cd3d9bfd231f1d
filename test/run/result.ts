/** What a layer came to. */
export interface Result {
  readonly passed: number;
  readonly failed: number;
  /** Tests that declared themselves pending; under CI mocha counts them as failed. */
  readonly pending: number;
  /** Why it failed, where no test says so. */
  readonly notes: readonly string[];
}

export const NOTHING: Result = { passed: 0, failed: 0, pending: 0, notes: [] };

/** A layer that failed as a whole: one failure, so that it can never vanish from the sum. */
export function failure(...notes: readonly string[]): Result {
  return { ...NOTHING, failed: 1, notes };
}

export function add(a: Result, b: Result): Result {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    pending: a.pending + b.pending,
    notes: [...a.notes, ...b.notes],
  };
}

const CLOSING_LINE = /^(\d+) passed, (\d+) failed$/gm;
/** How examples/run.ts ends. */
const AS_EXPECTED = /^examples: (\d+) of (\d+) as expected$/gm;

/** Reads a program's verdict: its closing line where it prints one, and its exit code in any case. */
export function readCommand(output: string, exitCode: number | null): Result {
  const counts = closingCounts(output);
  if (exitCode === 0 && (counts?.failed ?? 0) === 0) {
    const sum = counts ?? { passed: 1, failed: 0 };
    return sum.passed > 0 ? { ...NOTHING, ...sum } : failure('it ran nothing');
  }
  const note = exitCode === 0 ? 'it exited with 0 although something failed' : `exit code ${exitCode ?? 'none'}`;
  return counts !== undefined && counts.failed > 0 ? { ...NOTHING, ...counts } : failure(note);
}

function closingCounts(output: string): { readonly passed: number; readonly failed: number } | undefined {
  const [, passed, failed] = [...output.matchAll(CLOSING_LINE)].at(-1) ?? [];
  if (passed !== undefined) return { passed: Number(passed), failed: Number(failed) };
  const [, kept, all] = [...output.matchAll(AS_EXPECTED)].at(-1) ?? [];
  return kept === undefined ? undefined : { passed: Number(kept), failed: Number(all) - Number(kept) };
}
