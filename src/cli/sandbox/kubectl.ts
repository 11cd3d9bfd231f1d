import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';
import { runInTerminal } from './terminal.ts';

/** `coxswain sandbox kubectl`: kubectl as the cluster's admin; it has this terminal, and its exit code becomes ours. */
export async function kubectl(
  args: readonly string[],
  flags: { readonly sandbox?: string },
  context: CliContext,
): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  const [command, env] = sandbox.kubectlCommand(args);
  await runInTerminal(command, env, context);
}
