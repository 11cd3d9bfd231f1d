import { readFile } from 'node:fs/promises';
import { MeshError } from '../../lib/errors.ts';
import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';
import type { LogsFlags } from './flags.ts';

/** `coxswain sandbox logs`. */
export async function logs(pod: string | undefined, flags: LogsFlags, context: CliContext): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  const shown = pod ?? sandbox.status.kube?.controlPlanes[0];
  const file = shown === undefined ? 'control-plane.log' : podLog(sandbox, shown, flags);
  context.stdout(
    await readFile(sandbox.path(`logs/${file}`), 'utf8').catch((thrown: unknown) => {
      throw new MeshError('not-found', `no log ${file}`, { cause: thrown });
    }),
  );
}

function podLog(sandbox: Sandbox, name: string, flags: LogsFlags): string {
  const pod = sandbox.pod(name);
  const wanted = flags.container ?? (flags.envoy === true ? envoyContainer : undefined);
  if (sandbox.status.kube === undefined) {
    const part = wanted === undefined || wanted === 'app' ? 'app' : 'envoy';
    return `${pod.name}.${pod.namespace}.${part}.log`;
  }
  const found = wanted === undefined ? pod.containers[0] : pod.containers.find((each) => each.name === wanted);
  if (found !== undefined) return found.log;
  throw new MeshError('not-found', `pod ${name} has no container ${wanted}`, {
    hint: `containers: ${pod.containers.map((each) => each.name).join(', ')}`,
  });
}

/** Name of the container that injection adds. */
const envoyContainer = 'istio-proxy';
