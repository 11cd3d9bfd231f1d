import { Command, InvalidArgumentError, Option } from 'commander';
import { defaultInstallOptions, type InstallOptions } from '../install/options.ts';
import { MeshError } from '../lib/errors.ts';
import type { CliContext } from './context.ts';
import { type ClusterFlags, clusterOptions, openCluster } from './kubeconfig.ts';
import { outputOption } from './output.ts';

interface Flags extends ClusterFlags {
  readonly namespace: string;
  readonly replicas: number;
  readonly image: string;
  readonly proxyImage: string;
  readonly logLevel: string;
  readonly mesh?: string;
  readonly crds: boolean;
  readonly ingressGateway?: boolean;
  readonly output: 'yaml' | 'json';
  readonly apply?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout: number;
}

const defaults = defaultInstallOptions;

/** `coxswain install`: prints the manifests of an installation, or applies them. */
export function installCommand(context: CliContext): Command {
  const command = new Command('install')
    .option(
      '-n, --namespace <name>',
      'root namespace: where the control plane lives',
      namespaceName,
      defaults.namespace,
    )
    .option('--replicas <n>', 'control planes to run', replicaCount, defaults.replicas)
    .option('--image <image>', 'image of the control plane and of the init container', image, defaults.image)
    .option('--proxy-image <image>', 'image of Envoy in injected pods', image, defaults.proxyImage)
    .addOption(
      new Option('--log-level <level>', 'log level of the control plane')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default(defaults.logLevel),
    )
    .option('--mesh <file>', 'mesh settings, YAML: become ConfigMap "istio" of the root namespace')
    .option('--no-crds', 'leave out the CustomResourceDefinitions')
    .option('--ingress-gateway', 'an ingress gateway, too: Service and Deployment istio-ingressgateway')
    .addOption(outputOption('yaml', 'json'))
    .option('--apply', 'apply to the cluster instead of printing')
    .option('--dry-run', 'with --apply: let the API server check everything and change nothing')
    .option('--wait', 'with --apply: wait until the control plane, and the gateway, is ready')
    .option('--timeout <seconds>', 'with --apply: how long to wait at most', seconds, 300);
  for (const option of clusterOptions()) command.addOption(option);
  return command.action(async (flags: Flags) => {
    const options = await installOptions(flags);
    const { installManifests } = await import('../install/manifests.ts');
    const manifests = installManifests(options);
    if (flags.apply !== true) {
      refuseWithoutApply(flags);
      const { manifestsText } = await import('../install/text.ts');
      return context.stdout(manifestsText(manifests, flags.output));
    }
    const { applyManifests } = await import('../install/apply.ts');
    const { systemClock } = await import('../lib/clock.ts');
    using client = await openCluster(flags, context);
    const steps = applyManifests(manifests, {
      client,
      clock: systemClock,
      signal: context.signal,
      dryRun: flags.dryRun ?? false,
      wait: flags.wait ?? false,
      timeoutMs: flags.timeout * 1000,
    });
    const { stepText } = await import('../install/step.ts');
    for await (const step of steps) context.stdout(`${stepText(step)}\n`);
  });
}

function refuseWithoutApply(flags: Flags): void {
  const given = (['dryRun', 'wait', 'kubeconfig', 'context'] as const).find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new MeshError('bad-argument', `${flag} needs --apply`, { hint: `add --apply, or leave out ${flag}` });
}

async function installOptions(flags: Flags): Promise<InstallOptions> {
  const { namespace, replicas, image, proxyImage, logLevel, crds } = flags;
  const mesh = flags.mesh === undefined ? undefined : await meshText(flags.mesh, namespace);
  const ingressGateway = flags.ingressGateway ?? false;
  return { namespace, replicas, image, proxyImage, logLevel, crds, mesh, ingressGateway };
}

/** The file as it stands, once it is known that the control plane can use it: comments survive. */
async function meshText(path: string, namespace: string): Promise<string> {
  const { readMesh } = await import('../settings.ts');
  await readMesh(path);
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(path, 'utf8');
  const { readMeshFile } = await import('../config/mesh-file.ts');
  const { defaultMesh } = await import('../model/mesh.ts');
  const { rootNamespace } = readMeshFile(path, text, { ...defaultMesh, rootNamespace: namespace }).mesh;
  if (rootNamespace === namespace) return text;
  throw new MeshError('bad-argument', `${path} says rootNamespace: ${rootNamespace}, but --namespace is ${namespace}`, {
    hint: 'make both the same, or remove rootNamespace from the file',
  });
}

/** Parses a flag that is a namespace. */
export function namespaceName(text: string): string {
  if (text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('use lower-case letters, digits and "-", at most 63 characters');
}

function image(text: string): string {
  if (/^[^\s]+$/.test(text)) return text;
  throw new InvalidArgumentError('write it like repository:tag');
}

function replicaCount(text: string): number {
  const count = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 100) return count;
  throw new InvalidArgumentError('write a number from 1 to 100');
}

function seconds(text: string): number {
  const count = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 86_400) return count;
  throw new InvalidArgumentError('write a number of seconds from 1 to 86400');
}
