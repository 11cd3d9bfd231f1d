import { dirname, join } from 'node:path';
import { MeshError } from '../lib/errors.ts';
import { enterNode } from './enter.ts';
import type { KubeStatus } from './protocol.ts';

/** Command line and environment of kubectl, as the cluster's admin, in the sandbox and in the folder `cwd`. */
export function kubectlCommand(
  kube: KubeStatus | undefined,
  sandbox: { readonly pid: number; readonly environment: Readonly<Record<string, string>> },
  cwd: string,
  args: readonly string[],
): readonly [readonly string[], Readonly<Record<string, string>>] {
  if (kube === undefined) {
    throw new MeshError('bad-argument', 'this sandbox has no Kubernetes API', {
      hint: 'start one with: coxswain sandbox up EXAMPLE --kube',
    });
  }
  const home = dirname(kube.kubeconfig);
  // Entering another mount namespace leads to its root folder.
  const command = ['sh', '-c', 'cd "$0" && exec kubectl "$@"', cwd, ...args];
  const env = { ...sandbox.environment, HOME: home, KUBECONFIG: kube.kubeconfig, KUBECACHEDIR: join(home, 'cache') };
  return [enterNode(sandbox.pid, command), env];
}
