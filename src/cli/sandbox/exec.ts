import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';
import type { ExecFlags } from './flags.ts';
import { runInTerminal } from './terminal.ts';

/** `coxswain sandbox exec`: the command has this terminal, and its exit code becomes ours, as with `kubectl exec`. */
export async function exec(pod: string, argv: readonly string[], flags: ExecFlags, context: CliContext): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  await runInTerminal(sandbox.command(pod, argv, flags.user, flags.container), sandbox.environment, context);
}
