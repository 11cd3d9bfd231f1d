import { Command } from 'commander';
import { defaultInstallOptions } from '../install/options.ts';
import type { CliContext } from './context.ts';
import { namespaceName } from './install.ts';
import { type ClusterFlags, clusterOptions, openCluster } from './kubeconfig.ts';

interface Flags extends ClusterFlags {
  readonly namespace: string;
  readonly apply?: boolean;
  readonly purge?: boolean;
}

/** How long the control plane may take to end: a little more than its grace period. */
const timeoutMs = 90_000;

/** `coxswain uninstall`: says what would be deleted, or deletes it. */
export function uninstallCommand(context: CliContext): Command {
  const command = new Command('uninstall')
    .option(
      '-n, --namespace <name>',
      'root namespace of the control plane',
      namespaceName,
      defaultInstallOptions.namespace,
    )
    .option('--apply', 'delete; without it, only say what would be deleted')
    .option('--purge', 'delete the kinds with all policies, the CA, the mesh settings and the namespace, too');
  for (const option of clusterOptions()) command.addOption(option);
  return command.action(async (flags: Flags) => {
    const { uninstall } = await import('../install/uninstall.ts');
    const { stepText } = await import('../install/step.ts');
    const { systemClock } = await import('../lib/clock.ts');
    using client = await openCluster(flags, context);
    const { namespace, apply = false, purge = false } = flags;
    const steps = uninstall({ client, clock: systemClock, signal: context.signal, namespace, apply, purge, timeoutMs });
    let any = false;
    for await (const step of steps) {
      any = true;
      context.stdout(`${stepText(step)}\n`);
    }
    if (!any) context.stdout(`nothing of coxswain is there in namespace ${namespace}\n`);
    else if (!apply) context.stderr('coxswain: nothing was deleted; add --apply to do it\n');
  });
}
