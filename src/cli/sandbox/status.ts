import type { SandboxStatus } from '../../sandbox/protocol.ts';
import { chooseSandbox, listSandboxes, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import { podColumns, podRows, serviceColumns, serviceRows } from '../../sandbox/view.ts';
import type { CliContext } from '../context.ts';
import { type OutputFormat, print } from '../output.ts';
import { table } from '../table.ts';

/** `coxswain sandbox status`. */
export async function status(name: string | undefined, output: OutputFormat, context: CliContext): Promise<void> {
  const runDir = runDirOf(context.env);
  const records = name === undefined ? await listSandboxes(runDir) : [await chooseSandbox(runDir, name)];
  const found = await Promise.all(records.map(async (each) => (await Sandbox.find(each.name, runDir)).status));
  await print(context, output, found, () =>
    found.length === 0 ? 'no sandbox is running\n' : found.map(text).join('\n'),
  );
}

function text(found: SandboxStatus): string {
  const head = `${found.name}: example ${found.example}, control plane ${found.controlPlane}\n\n`;
  const services = found.services.length === 0 ? '' : `\n${table(serviceColumns, serviceRows(found))}`;
  return head + table(podColumns, podRows(found)) + services;
}
