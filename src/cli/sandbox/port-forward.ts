import { MeshError } from '../../lib/errors.ts';
import { findTarget } from '../../sandbox/find-target.ts';
import { forwardPort } from '../../sandbox/port-forward.ts';
import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';

/** `coxswain sandbox address`: the bare address, for `$(…)`. */
export async function address(
  target: string,
  flags: { readonly sandbox?: string },
  context: CliContext,
): Promise<void> {
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  context.stdout(`${findTarget(sandbox.status, target)}\n`);
}

/** `coxswain sandbox port-forward`: until Ctrl-C, or until the sandbox ends. */
export async function portForward(
  target: string,
  ports: readonly string[],
  flags: { readonly sandbox?: string },
  context: CliContext,
): Promise<void> {
  const wanted = ports.map(readPorts);
  const runDir = runDirOf(context.env);
  const sandbox = await Sandbox.find((await chooseSandbox(runDir, flags.sandbox)).name, runDir);
  const { networkOfNode: network, status } = sandbox;
  const found = findTarget(status, target);
  await using stack = new AsyncDisposableStack();
  for (const { local, remote } of wanted) {
    const { port } = stack.use(await forwardPort(local, { network, address: found, port: remote }));
    context.stdout(`127.0.0.1:${port} -> ${target}:${remote}\n`);
  }
  try {
    await sandbox.ended(context.signal);
    context.stderr(`${sandbox.name}: ended\n`);
  } catch (thrown) {
    if (!context.signal.aborted) throw thrown;
  }
}

/** `LOCAL:REMOTE`, `REMOTE` for the same number twice, `:REMOTE` for any free one. */
function readPorts(text: string): { readonly local: number; readonly remote: number } {
  const [, local, remote] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(remote);
  const own = local === undefined ? port : Number(local);
  if (remote !== undefined && port >= 1 && port <= 65_535 && own <= 65_535) return { local: own, remote: port };
  throw new MeshError('bad-argument', `${JSON.stringify(text)} names no ports`, {
    hint: 'write LOCAL:REMOTE, for example 8080:80',
  });
}
