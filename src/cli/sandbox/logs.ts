import { readFile } from 'node:fs/promises';
import { MeshError } from '../../lib/errors.ts';
import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';

/** `coxswain sandbox logs`. */
export async function logs(
  pod: string | undefined,
  flags: { readonly envoy?: true; readonly sandbox?: string },
  context: CliContext,
): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  const file = pod === undefined ? 'control-plane.log' : podLog(sandbox, pod, flags.envoy === true ? 'envoy' : 'app');
  context.stdout(
    await readFile(sandbox.path(`logs/${file}`), 'utf8').catch((thrown: unknown) => {
      throw new MeshError('not-found', `no log ${file}`, { cause: thrown });
    }),
  );
}

function podLog(sandbox: Sandbox, pod: string, part: 'app' | 'envoy'): string {
  const { name, namespace } = sandbox.pod(pod);
  return `${name}.${namespace}.${part}.log`;
}
