import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFailure } from '../../sandbox/run-command.ts';
import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox, type User } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';

/** `coxswain sandbox exec`: the command has this terminal, and its exit code becomes ours, as with `kubectl exec`. */
export async function exec(
  pod: string,
  argv: readonly string[],
  flags: { readonly sandbox?: string; readonly user: User },
  context: CliContext,
): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  const [program = '', ...args] = sandbox.command(pod, argv, flags.user);
  const child = spawn(program, args, { stdio: 'inherit', env: sandbox.environment });
  try {
    const [code, signal] = await once(child, 'exit');
    context.exitWith(typeof code === 'number' ? code : signal === 'SIGINT' ? 130 : 137);
  } catch (thrown) {
    throw startFailure(program, thrown);
  }
}
