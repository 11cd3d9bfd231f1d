import type { CliIo } from '../../../src/cli/context.ts';
import { run } from '../../../src/cli/program.ts';

/** What a command line printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, as `main.ts` does, on a terminal of ours. */
export async function cli(
  argv: readonly string[],
  io: Partial<CliIo> & { readonly input?: string } = {},
): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const code = await run(argv, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: () => Promise.resolve(io.input ?? ''),
    env: {},
    signal: new AbortController().signal,
    color: false,
    terminal: false,
    now: () => Date.UTC(2026, 10, 25),
    ...io,
  });
  return { code, stdout, stderr };
}

/** Path of a recorded answer of a real Envoy 1.40. */
export function fixture(name: string): string {
  return new URL(`./fixtures/${name}`, import.meta.url).pathname;
}
