import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../agent/envoy-binary.ts';
import { MeshError } from '../lib/errors.ts';
import { defaultMesh } from '../model/mesh.ts';
import { envoyUids, inotifyInstances } from './envoy-users.ts';
import { type ManifestSource, readManifests } from './example-files.ts';
import { checkPrograms } from './kube/programs.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { type Plan, planSandbox } from './plan.ts';
import { checkReachable, preflight } from './preflight.ts';
import type { ControlPlaneSpec, KubeSettings, MeshNames, StepTiming, SupervisorSettings } from './protocol.ts';

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
  /** A real Kubernetes API behind it: objects live there, and pods are what a cluster would run. */
  readonly kube?: boolean | KubeUpOptions;
  readonly onProgress?: (timing: StepTiming) => void;
  readonly signal?: AbortSignal;
}

/** How a sandbox with a Kubernetes API is made. */
export interface KubeUpOptions {
  /** Of the control plane; 2 by default. */
  readonly replicas?: number;
  /** Folder of etcd, kube-apiserver and kube-controller-manager; COXSWAIN_KUBE or `.tools` by default. */
  readonly programs?: string;
  /** Mesh settings, as YAML. */
  readonly meshYaml?: string;
  /** Share of its life after which a pod's token is replaced; 0.8 by default. */
  readonly tokenLifeShare?: number;
}

/** The folder of the package: programs and examples are found from it. */
export const packageDir = fileURLToPath(new URL('../../', import.meta.url));
/** The Kubernetes release that `make kube` builds. */
const kubeRelease = 'kube-1.34.2';
/** The examples that come with Coxswain; each is a folder. */
export const examplesDir = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Decides everything that can be decided before the machine is touched; wrong manifests and missing programs fail here. */
export async function supervisorSettings(options: UpOptions, dir: string): Promise<SupervisorSettings> {
  const env = process.env;
  const path = env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  preflight(path, process.getuid?.(), options.kube !== undefined && options.kube !== false);
  await checkReachable(dirname(dir));
  const documents = await readManifests(options.manifests);
  const kube = options.kube === undefined || options.kube === false ? undefined : kubeSettings(options, documents, env);
  const plan: Plan = planSandbox(kube === undefined ? documents : []);
  // In a cluster, pods with a sidecar may come at any time.
  const sidecars = kube !== undefined || plan.pods.some((pod) => pod.injected);
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
    kube,
  };
}

function kubeSettings(
  options: UpOptions,
  documents: readonly ManifestDocument[],
  env: Readonly<Record<string, string | undefined>>,
): KubeSettings {
  const unusable = (['configDir', 'envoyConfigs', 'envoyFlags'] as const).find((each) => options[each] !== undefined);
  if (unusable !== undefined) {
    throw new MeshError('bad-argument', `${unusable} does not go with a Kubernetes API`);
  }
  const {
    replicas = 2,
    programs,
    meshYaml,
    tokenLifeShare = 0.8,
  } = typeof options.kube === 'object' ? options.kube : {};
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 10) {
    throw new MeshError('bad-argument', 'replicas: expected a number from 1 to 10');
  }
  const named = env['COXSWAIN_KUBE'] ?? '';
  const folder = programs ?? (named === '' ? `${packageDir}.tools/${kubeRelease}` : resolve(named));
  checkPrograms(folder);
  return { programs: folder, packageDir, documents, replicas, meshYaml, tokenLifeShare };
}

function controlPlaneSpec(given: UpOptions['controlPlane']): ControlPlaneSpec {
  if (given === 'none') return { kind: 'none' };
  const command = given?.command ?? [fileURLToPath(new URL('../../bin/coxswain', import.meta.url))];
  return { kind: 'serve', command, flags: given?.flags ?? [] };
}
