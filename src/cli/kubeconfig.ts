import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Option } from 'commander';
import type { KubeClient } from '../kube/client.ts';
import type { CliContext } from './context.ts';

/** Which cluster a command talks to. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** The flags of every command that talks to a cluster. */
export function clusterOptions(): readonly Option[] {
  return [
    new Option('--kubeconfig <file>', 'the cluster; default: KUBECONFIG, then ~/.kube/config'),
    new Option('--context <name>', 'a context of that file; its current one by default'),
  ];
}

/** Opens the cluster that flags and environment name, as kubectl finds it. Throws `bad-argument` where there is none. */
export async function openCluster(flags: ClusterFlags, context: Pick<CliContext, 'env'>): Promise<KubeClient> {
  const { openKube } = await import('../kube/client.ts');
  return await openKube({ kubeconfig: kubeconfigPath(flags, context.env), context: flags.context });
}

/** The file that {@link openCluster} reads; of several files in KUBECONFIG the first. */
export function kubeconfigPath(flags: ClusterFlags, env: CliContext['env']): string {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).find((path) => path !== '');
  return flags.kubeconfig ?? listed ?? join(env['HOME'] ?? homedir(), '.kube', 'config');
}
