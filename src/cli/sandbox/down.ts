import { MeshError } from '../../lib/errors.ts';
import { endSandbox } from '../../sandbox/end-sandbox.ts';
import { chooseSandbox, listSandboxes, runDirOf } from '../../sandbox/run-dir.ts';
import type { CliContext } from '../context.ts';

/** `coxswain sandbox down`. */
export async function down(
  name: string | undefined,
  flags: { readonly all?: true },
  context: CliContext,
): Promise<void> {
  if (name !== undefined && flags.all === true)
    throw new MeshError('bad-argument', 'a name and --all exclude each other');
  const runDir = runDirOf(context.env);
  const records = flags.all === true ? await listSandboxes(runDir) : [await chooseSandbox(runDir, name)];
  for (const record of records) {
    await endSandbox(record, runDir);
    context.stdout(`${record.name} is down\n`);
  }
  if (records.length === 0) context.stdout('no sandbox is running\n');
}
