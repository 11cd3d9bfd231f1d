import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { CliContext } from './context.ts';
import { type OutputFormat, outputOption, print } from './output.ts';

/** The package's version, read where it is written down, so that there is only one. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || !('version' in parsed)) return 'unknown';
  return String(parsed.version);
}

export async function versionText(): Promise<string> {
  return `coxswain ${await packageVersion()} (node ${process.versions.node})`;
}

/** `coxswain version`. */
export function versionCommand(context: CliContext): Command {
  return new Command('version')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async ({ output }: { output: OutputFormat }) => {
      const text = await versionText();
      await print(context, output, { version: await packageVersion(), node: process.versions.node }, () => `${text}\n`);
    });
}
