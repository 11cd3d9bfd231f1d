import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../agent/envoy-binary.ts';
import { defaultMesh } from '../model/mesh.ts';
import { envoyUids, inotifyInstances } from './envoy-users.ts';
import { type ManifestSource, readManifests } from './example-files.ts';
import { type Plan, planSandbox } from './plan.ts';
import { checkReachable, preflight } from './preflight.ts';
import type { ControlPlaneSpec, MeshNames, StepTiming, SupervisorSettings } from './protocol.ts';

/** What a sandbox runs, and how. Everything but the name and the manifests has a default. */
export interface UpOptions {
  readonly name: string;
  readonly manifests: readonly ManifestSource[];
  /** What `status` shows; the name by default. */
  readonly example?: string;
  /** Folders of apps, searched in this order; those of the examples by default. */
  readonly appDirs?: readonly string[];
  /** `none`, or further flags of `serve`. */
  readonly controlPlane?: 'none' | { readonly command?: readonly string[]; readonly flags?: readonly string[] };
  readonly mesh?: MeshNames;
  /** Path of the Envoy to run; COXSWAIN_ENVOY, `.tools` or PATH by default. */
  readonly envoy?: string;
  readonly envoyFlags?: readonly string[];
  /** By `<pod>.<namespace>`: a configuration to run instead of a bootstrap of ours. */
  readonly envoyConfigs?: Readonly<Record<string, string>>;
  /** Where sandboxes are registered; {@link defaultRunDir} by default. */
  readonly runDir?: string;
  /** The live configuration, kept when the sandbox ends; by default it vanishes. */
  readonly configDir?: string;
  readonly onProgress?: (timing: StepTiming) => void;
  readonly signal?: AbortSignal;
}

/** The folder of the package: programs and examples are found from it. */
export const packageDir = fileURLToPath(new URL('../../', import.meta.url));
/** The examples that come with Coxswain; each is a folder. */
export const examplesDir = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Decides everything that can be decided before the machine is touched; wrong manifests and missing programs fail here. */
export async function supervisorSettings(options: UpOptions, dir: string): Promise<SupervisorSettings> {
  const env = process.env;
  const path = env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  preflight(path, process.getuid?.());
  await checkReachable(dirname(dir));
  const plan: Plan = planSandbox(await readManifests(options.manifests));
  const sidecars = plan.pods.some((pod) => pod.injected);
  const envoy = sidecars ? (options.envoy ?? (await findEnvoy({ env, home: packageDir }))) : options.envoy;
  const { limit, inUse } = await inotifyInstances();
  return {
    name: options.name,
    example: options.example ?? options.name,
    runDir: dir,
    plan,
    mesh: options.mesh ?? defaultMesh,
    node: process.execPath,
    path,
    envoy,
    envoyFlags: options.envoyFlags ?? [],
    envoyConfigs: options.envoyConfigs ?? {},
    envoyUids: envoyUids(plan.pods, limit, inUse),
    appDirs: options.appDirs ?? [`${examplesDir}apps`],
    configDir: options.configDir,
    controlPlane: controlPlaneSpec(options.controlPlane),
  };
}

function controlPlaneSpec(given: UpOptions['controlPlane']): ControlPlaneSpec {
  if (given === 'none') return { kind: 'none' };
  const command = given?.command ?? [process.execPath, fileURLToPath(new URL('../main.ts', import.meta.url))];
  return { kind: 'serve', command, flags: given?.flags ?? [] };
}
