import { Option } from 'commander';
import { assertNever } from '../lib/assert-never.ts';
import type { CliContext } from './context.ts';

export type OutputFormat = 'table' | 'json' | 'yaml';

/** The `-o` flag of every command that prints data; the first format is the default. */
export function outputOption<F extends string>(...formats: readonly [F, ...F[]]): Option {
  return new Option('-o, --output <format>', 'how to print').choices([...formats]).default(formats[0]);
}

/** Prints `value` as data, or what `asTable` makes of it for people. */
export async function print(
  context: Pick<CliContext, 'stdout'>,
  format: OutputFormat,
  value: unknown,
  asTable: () => string,
): Promise<void> {
  switch (format) {
    case 'table':
      return context.stdout(asTable());
    case 'json':
      return context.stdout(jsonText(value));
    case 'yaml':
      return context.stdout(await yamlText(value));
    default:
      return assertNever(format);
  }
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** YAML that survives `grep` and `diff`; its writer is loaded when somebody asks for it. */
export async function yamlText(value: unknown): Promise<string> {
  return (await import('../lib/yaml.ts')).yamlText(value);
}
