import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MeshError } from '../../lib/errors.ts';
import { findExample } from '../../sandbox/example-files.ts';
import type { MeshNames } from '../../sandbox/protocol.ts';
import { runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import { examplesDir, type KubeUpOptions } from '../../sandbox/up-options.ts';
import { podColumns, podRows, seconds, timingLines } from '../../sandbox/view.ts';
import type { CliContext } from '../context.ts';
import { table } from '../table.ts';
import type { UpFlags } from './flags.ts';

/** `coxswain sandbox up`: shows each step when it is done, then stays until it is told to stop, unless detached. */
export async function up(nameOrDir: string, flags: UpFlags, context: CliContext): Promise<void> {
  const began = performance.now();
  const example = await findExample(nameOrDir, examplesDir);
  const name = flags.name ?? example.name;
  const meshFile = flags.mesh ?? example.meshFile;
  const mesh = meshFile === undefined ? undefined : await meshNames(meshFile);
  context.stderr(`${name}: starting\n`);
  await using sandbox = await Sandbox.up({
    name,
    example: nameOrDir,
    manifests: example.manifests,
    appDirs: example.appDirs,
    runDir: runDirOf(context.env),
    ...(flags.kube === true
      ? { kube: await kubeOptions(flags, meshFile) }
      : { controlPlane: { flags: meshFile === undefined ? [] : ['--mesh', resolve(meshFile)] } }),
    signal: context.signal,
    onProgress: ({ step, atMs }) => context.stderr(`${name}: ${step.padEnd(24)} ${seconds(atMs)}\n`),
    ...(mesh === undefined ? {} : { mesh }),
    ...(flags.envoy === undefined ? {} : { envoy: resolve(flags.envoy) }),
    ...(flags.keepConfig === undefined ? {} : { configDir: resolve(flags.keepConfig) }),
  });
  const took = performance.now() - began;
  context.stdout(table(podColumns, podRows(sandbox.status)));
  context.stdout(`\n${name} is up after ${seconds(took)}\n`);
  if (flags.timings === true) context.stdout(timingLines(sandbox.timings, took));
  const config = flags.keepConfig === undefined ? sandbox.configLink : resolve(flags.keepConfig);
  context.stdout(
    flags.kube === true ? '  its API: coxswain sandbox kubectl -- get pods -A\n' : `  live configuration: ${config}\n`,
  );
  context.stdout('  run a command in a pod: coxswain sandbox exec POD.NAMESPACE -- COMMAND\n');
  if (flags.detach === true) {
    context.stdout(`  end it: coxswain sandbox down ${name}\n`);
    sandbox.detach();
    return;
  }
  context.stdout('  end it: Ctrl-C\n');
  try {
    await sandbox.ended(context.signal);
  } catch (thrown) {
    if (!context.signal.aborted) throw thrown;
    context.stderr(`${name}: ending\n`);
    return;
  }
  context.stderr(`${name}: ended\n`);
}

async function kubeOptions(flags: UpFlags, meshFile: string | undefined): Promise<KubeUpOptions> {
  if (flags.keepConfig !== undefined) {
    throw new MeshError('bad-argument', '--keep-config and --kube exclude each other', {
      hint: 'with --kube, objects are in the API server: coxswain sandbox kubectl -- get -o yaml …',
    });
  }
  return {
    ...(flags.replicas === undefined ? {} : { replicas: flags.replicas }),
    ...(meshFile === undefined ? {} : { meshYaml: await readFile(meshFile, 'utf8') }),
  };
}

async function meshNames(file: string): Promise<MeshNames> {
  const { readMeshFile } = await import('../../config/mesh-file.ts');
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new MeshError('not-found', `can't read the mesh file ${file}`, { cause: thrown });
  });
  return readMeshFile(file, text).mesh;
}
