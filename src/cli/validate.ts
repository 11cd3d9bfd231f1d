import { Command } from 'commander';
import { MeshError } from '../lib/errors.ts';
import type { Finding, Severity } from '../model/finding.ts';
import { originText } from '../model/object.ts';
import type { CliContext } from './context.ts';
import { filesOption } from './files-option.ts';
import { countText, findingText, groupByObject } from './finding-text.ts';
import { type OutputFormat, outputOption, print } from './output.ts';

interface Flags {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly mesh?: string;
  readonly output: OutputFormat;
}

/**
 * `coxswain validate`: reads files as `serve` does and tells what is wrong with them (behaviour.md 8.7). Exit code 1 if an
 * object is not in force; warnings alone are 0.
 */
export function validateCommand(context: CliContext): Command {
  return new Command('validate')
    .argument('[path...]', 'the same as -f')
    .addOption(filesOption())
    .option('-n, --namespace <namespace>', 'namespace of objects that name none')
    .option('--mesh <file>', 'mesh settings to judge by')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (paths: readonly string[], flags: Flags) => {
      const all = [...(flags.file ?? []), ...paths];
      if (all.length === 0)
        throw new MeshError('bad-argument', 'nothing to check', {
          hint: 'name files or directories: -f PATH, or -f - for standard input',
        });
      const text = all.includes('-') ? await context.stdin() : '';
      const stdin = (): Promise<string> => Promise.resolve(text);
      const { readPaths } = await import('../config/files.ts');
      const read = await readPaths(all, {
        stdin,
        ...(flags.namespace === undefined ? {} : { defaultNamespace: flags.namespace }),
      });
      // Policies are judged together with the pods that Deployments stand for; without, where those can't be planned.
      const { expandExamples, readMeshObjects } = await import('./read-mesh-objects.ts');
      const { lint } = await import('../config/lint.ts');
      const { readMesh } = await import('../settings.ts');
      const expanded = await expandExamples(all);
      const settings = await readMesh(flags.mesh ?? expanded.meshFile);
      const world = await readMeshObjects(expanded.paths, stdin).catch(() => read);
      const findings = [...settings.findings, ...read.findings, ...lint(world.objects, settings.mesh)];
      const errors = findings.filter((finding) => finding.severity === 'error').length;
      const kinds = read.unknown.map(({ apiVersion, kind }) => `${kind} (${apiVersion})`);
      const paint = await painter(context.color);
      await print(
        context,
        flags.output,
        {
          valid: errors === 0,
          objects: read.objects.length,
          findings: findings.map(withPlace),
          notRead: read.unknown,
        },
        () => report(read.objects.length, findings, kinds, paint),
      );
      if (errors > 0) context.exitWith(1);
    });
}

type Painter = (severity: Severity, text: string) => string;

function report(
  objects: number,
  findings: readonly Finding[],
  unknownKinds: readonly string[],
  paint: Painter,
): string {
  const groups = [...groupByObject(findings)].map(([object, found]) => {
    const head = object === '' ? '' : `${object}\n`;
    const indent = object === '' ? '' : '  ';
    return `${head}${found.map((finding) => `${indent}${findingText(finding, paint)}\n`).join('')}\n`;
  });
  const summary = findings.length === 0 ? 'no findings' : countText(findings);
  const checked = `${objects} object${objects === 1 ? '' : 's'} in force: ${summary}\n`;
  const notRead =
    unknownKinds.length === 0
      ? ''
      : `not read, because coxswain has no use for these kinds: ${unknownKinds.join(', ')}\n`;
  return groups.join('') + checked + notRead;
}

function withPlace(finding: Finding): object {
  return { ...finding, at: originText(finding.origin) };
}

async function painter(color: boolean): Promise<Painter> {
  if (!color) return (_severity, text) => text;
  const { default: picocolors } = await import('picocolors');
  const { red, yellow, cyan } = picocolors.createColors(true);
  return (severity, text) => ({ error: red, warning: yellow, info: cyan })[severity](text);
}
