import type { CliContext } from '../../../src/cli/context.ts';

/** A context for commands that are looked at, not run. */
export const context: CliContext = {
  stdout: () => undefined,
  stderr: () => undefined,
  stdin: () => Promise.resolve(''),
  env: {},
  signal: new AbortController().signal,
  color: false,
  terminal: false,
  now: () => 0,
  exitWith: () => undefined,
};
