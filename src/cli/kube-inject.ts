import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { InjectSettings } from '../inject/settings.ts';
import type { ManifestResult } from '../inject/workloads.ts';
import { MeshError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import type { CliContext } from './context.ts';
import { filesOption } from './files-option.ts';

interface Flags {
  readonly file: readonly string[];
  readonly output?: string;
  readonly mesh?: string;
  readonly rootNamespace?: string;
  readonly revision: string;
  readonly clusterId: string;
  readonly image?: string;
  readonly proxyImage?: string;
  readonly classic?: true;
}

const example = `
Example:
  kubectl apply -f <(coxswain kube-inject -f deployment.yaml)
  kubectl get deployment web -o yaml | coxswain kube-inject -f - | kubectl apply -f -

Every Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job and CronJob gets the sidecar, unless
its pods say sidecar.istio.io/inject: "false" or use hostNetwork. All other documents pass through unchanged.`;

/** `coxswain kube-inject` (behaviour.md 8.7): the webhook's own function, for clusters and pipelines without the webhook. */
export function kubeInjectCommand(context: CliContext): Command {
  return new Command('kube-inject')
    .addOption(filesOption('files, or `-` for standard input').makeOptionMandatory())
    .option('-o, --output <file>', 'write there and not to standard output')
    .option('--mesh <file>', 'mesh settings of the control plane')
    .option('--root-namespace <namespace>', 'namespace of the control plane')
    .option('--revision <name>', 'revision of the control plane', 'default')
    .option('--cluster-id <id>', 'the cluster that the pods will run in', 'Kubernetes')
    .option('--image <image>', 'image of the init container')
    .option('--proxy-image <image>', 'image of Envoy')
    .option('--classic', 'sidecars as ordinary containers, for Kubernetes before 1.29; needs an Envoy image with bash')
    .addHelpText('after', example)
    .action(async (flags: Flags) => {
      const settings = await injectSettings(flags);
      const outputs: string[] = [];
      const results: ManifestResult[] = [];
      for (const file of flags.file) {
        const text = file === '-' ? await context.stdin() : await read(file);
        const done = await injectText(file === '-' ? '<stdin>' : file, text, settings);
        outputs.push(done.text);
        results.push(...done.results);
      }
      for (const line of results.flatMap(said)) context.stderr(`coxswain: ${line}\n`);
      const refused = results.filter(({ kind }) => kind === 'refused').length;
      if (refused > 0) {
        context.stderr('coxswain: nothing is written, since a pod without its sidecar would take plaintext\n');
        return context.exitWith(1);
      }
      const output = joined(outputs);
      if (flags.output === undefined) return context.stdout(output);
      await writeFile(flags.output, output).catch((thrown: unknown) => {
        throw MeshError.from(thrown, 'bad-argument');
      });
    });
}

async function injectSettings(flags: Flags): Promise<InjectSettings> {
  const [{ readMesh }, { defaultInjectSettings }] = await Promise.all([
    import('../settings.ts'),
    import('../inject/settings.ts'),
  ]);
  const { mesh } = await readMesh(flags.mesh);
  const { image, proxyImage, classic, revision, clusterId } = flags;
  return {
    ...defaultInjectSettings(flags.rootNamespace ?? mesh.rootNamespace),
    dnsDomain: mesh.dnsDomain,
    revision,
    clusterId,
    nativeSidecars: classic !== true,
    ...(image === undefined ? {} : { image }),
    ...(proxyImage === undefined ? {} : { proxyImage, classicProxyImage: proxyImage }),
  };
}

/** Injects a stream of documents; documents that get nothing keep every byte. */
async function injectText(
  file: string,
  text: string,
  settings: InjectSettings,
): Promise<{ readonly text: string; readonly results: readonly ManifestResult[] }> {
  const [{ contentLine, splitDocuments }, { editableYaml }, { injectManifest }] = await Promise.all([
    import('../lib/yaml-split.ts'),
    import('../lib/yaml-edit.ts'),
    import('../inject/workloads.ts'),
  ]);
  const parts: string[] = [];
  const results: ManifestResult[] = [];
  for (const chunk of splitDocuments(text)) {
    const start = contentLine(chunk.text);
    if (start === undefined) {
      parts.push(chunk.text);
      continue;
    }
    const where = `${file}:${chunk.line + start}`;
    try {
      const document = editableYaml(chunk.text);
      const found = injectManifest(document.value, settings, { kind: 'always' });
      const steps = found.flatMap((result) => (result.kind === 'injected' ? result.steps : []));
      parts.push(steps.length === 0 ? chunk.text : document.edit(steps));
      results.push(...found.map((result) => ({ ...result, object: `${where}: ${result.object}` })));
    } catch (thrown) {
      const error = MeshError.from(thrown);
      throw new MeshError(error.code, `${where}: ${error.message}`, { cause: error });
    }
  }
  return { text: parts.join(''), results };
}

function said(result: ManifestResult): readonly string[] {
  const object = printable(result.object);
  if (result.kind === 'refused')
    return result.problems.map(({ field, message, hint }) =>
      printable(`${object}: error ${field}: ${message}${hint === '' ? '' : ` (hint: ${hint})`}`),
    );
  const warnings = result.warnings.map((text) => `${object}: warning: ${printable(text)}`);
  return result.kind === 'skipped' ? [...warnings, `${object}: no sidecar: ${printable(result.reason)}`] : warnings;
}

/** One stream of several; each file's first document needs a marker in front, unless it has one. */
function joined(outputs: readonly string[]): string {
  return outputs.reduce((all, text) => {
    if (all === '' || text === '') return all + text;
    const marked = /^(?:\s*(?:#[^\n]*)?\n)*---(?:\s|$)/.test(text);
    return `${all}${all.endsWith('\n') ? '' : '\n'}${marked ? '' : '---\n'}${text}`;
  }, '');
}

async function read(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw MeshError.from(thrown, 'bad-argument');
  });
}
