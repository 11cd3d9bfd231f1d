import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFailure } from '../../sandbox/run-command.ts';
import type { CliContext } from '../context.ts';

/** Runs a command that has this terminal, and ends with its exit code. */
export async function runInTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  context: CliContext,
): Promise<void> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'inherit', env });
  try {
    const [code, signal] = await once(child, 'exit');
    context.exitWith(typeof code === 'number' ? code : signal === 'SIGINT' ? 130 : 137);
  } catch (thrown) {
    throw startFailure(program, thrown);
  }
}
