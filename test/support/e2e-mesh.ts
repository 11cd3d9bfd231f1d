import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import {
  difference,
  envoyVersions,
  knownPolicies,
  plannedVersions,
  storedPolicies,
  type Versions,
} from './e2e-dumps.ts';
import type { PolicyObject } from './e2e-policies.ts';
import { Probe } from './e2e-probe.ts';
import { fenceAddress, fenceEndpoint, toYaml, world, worldManifests } from './e2e-world.ts';
import { eventually, makeRunDir } from './sandbox.ts';

const home = fileURLToPath(new URL('../../', import.meta.url));

/** An Envoy to run all tests with. */
export interface EnvoyUnderTest {
  readonly name: string;
  readonly path: string;
}

/** COXSWAIN_E2E=kube: objects live in a real API server, pods are injected by webhook, and the newest Envoy is enough. */
const onKubernetes = process.env['COXSWAIN_E2E'] === 'kube';

/** The pinned Envoy and the oldest that we support; ENVOY names another one to try instead. */
export function envoysUnderTest(): readonly EnvoyUnderTest[] {
  const given = process.env['ENVOY'];
  if (given !== undefined) return [{ name: given, path: given }];
  if (onKubernetes) return [{ name: 'Envoy 1.40.0 on Kubernetes', path: newestEnvoy() }];
  return ['1.40.0', '1.36.2'].map((version) => ({
    name: `Envoy ${version}`,
    path: `${home}.tools/envoy-${version}/envoy`,
  }));
}

/** The pinned one, for what doesn't depend on the version. */
export function newestEnvoy(): string {
  return process.env['ENVOY'] ?? `${home}.tools/envoy-1.40.0/envoy`;
}

const controlPlaneNamespace = 'istio-system';

/** How a control plane gets these mesh settings: from a file, or in a cluster from a ConfigMap. */
async function meshOptions(file: string, meshYaml: string | undefined): Promise<Partial<UpOptions>> {
  if (onKubernetes) return { kube: { replicas: 1, ...(meshYaml === undefined ? {} : { meshYaml }) } };
  // A field that Envoy's messages don't have costs the update of its service, instead of being dropped in silence.
  const command = ['/usr/bin/env', 'COXSWAIN_STRICT_PROTOS=1', `${home}bin/coxswain`];
  if (meshYaml === undefined) return { controlPlane: { command } };
  await writeFile(file, meshYaml);
  return { controlPlane: { command, flags: ['--mesh', file] } };
}

function policyName({ kind, metadata }: PolicyObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

function withoutAge(policy: PolicyObject): PolicyObject {
  if (!onKubernetes) return policy;
  const { creationTimestamp: _, ...metadata } = policy.metadata;
  return { ...policy, metadata };
}

/** The file that holds all policies of a test. */
const policyFile = 'policies.yaml';

/** The sandbox that end-to-end tests look at, with a probe in every pod. */
export class Mesh implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly #meshFile: string;
  readonly #stack: AsyncDisposableStack;
  readonly #probes: ReadonlyMap<string, Probe>;
  #version = 0;
  #policies: readonly PolicyObject[] = [];
  #aged: readonly PolicyObject[] = [];

  /** `meshYaml`: mesh settings, other than the built-in ones. */
  static async up(envoy: string, options: Partial<UpOptions> & { readonly meshYaml?: string } = {}): Promise<Mesh> {
    const { meshYaml, ...more } = options;
    if (!existsSync(envoy)) throw new Error(`no Envoy at ${envoy}; \`make envoy envoy-oldest\` fetches it`);
    await using stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    const meshFile = join(run.path, 'mesh-settings.yaml');
    const sandbox = stack.use(
      await Sandbox.up({
        name: 'e2e',
        manifests: [{ file: 'world.yaml', yaml: worldManifests() }],
        appDirs: [`${home}test/e2e/apps`],
        runDir: run.path,
        envoy,
        ...(await meshOptions(meshFile, meshYaml)),
        ...more,
      }),
    );
    const probes = sandbox.pods
      .filter((pod) => pod.namespace !== controlPlaneNamespace)
      .map(({ name, namespace }) => [`${name}.${namespace}`, name, namespace] as const);
    const map = new Map(probes.map(([pod]) => [pod, stack.use(new Probe(sandbox, pod))]));
    const mesh = new Mesh(sandbox, meshFile, stack.move(), map);
    await mesh.enforce([]);
    return mesh;
  }

  private constructor(
    sandbox: Sandbox,
    meshFile: string,
    stack: AsyncDisposableStack,
    probes: ReadonlyMap<string, Probe>,
  ) {
    this.sandbox = sandbox;
    this.#meshFile = meshFile;
    this.#stack = stack;
    this.#probes = probes;
  }

  /** Whether a Kubernetes API stands behind it. */
  get kube(): boolean {
    return this.sandbox.status.kube !== undefined;
  }

  probe(pod: string): Probe {
    const probe = this.#probes.get(pod);
    if (probe === undefined) throw new Error(`no probe in ${pod}`);
    return probe;
  }

  /** Puts other mesh settings in the place of those that it was started with. */
  async writeSettings(meshYaml: string): Promise<void> {
    if (this.kube) {
      const metadata = { name: 'istio', namespace: controlPlaneNamespace };
      await this.sandbox.apply(toYaml([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: meshYaml } }]));
      return;
    }
    const draft = `${this.#meshFile}.tmp`;
    await writeFile(draft, meshYaml);
    await rename(draft, this.#meshFile);
  }

  /** Puts these policies in the place of all that {@link enforce} wrote before, and waits until they hold everywhere. */
  async enforce(policies: readonly PolicyObject[], options: { readonly drained?: boolean } = {}): Promise<void> {
    await this.write(policies);
    await this.settled(options);
  }

  /** The same without waiting. */
  async write(policies: readonly PolicyObject[]): Promise<void> {
    this.#policies = policies;
    this.#version += 1;
    if (this.kube) await this.#writeInAge();
    await this.sandbox.apply(toYaml([fenceEndpoint(this.#version), ...policies.map(withoutAge)]), { file: policyFile });
  }

  /** An API server says itself how old an object is, in seconds: where age decides, the older ones are written first. */
  async #writeInAge(): Promise<void> {
    const times = [...new Set(this.#policies.map((each) => each.metadata.creationTimestamp ?? ''))].sort();
    const agesDiffer = times.length > 1 && !isDeepStrictEqual(this.#policies, this.#aged);
    this.#aged = this.#policies;
    if (!agesDiffer) return;
    await this.sandbox.apply(toYaml([fenceEndpoint(this.#version)]), { file: policyFile });
    for (const time of times.slice(0, -1)) {
      const older = this.#policies.filter((each) => (each.metadata.creationTimestamp ?? '') <= time);
      await this.sandbox.apply(toYaml([fenceEndpoint(this.#version), ...older.map(withoutAge)]), { file: policyFile });
      const second = Math.floor(Date.now() / 1_000);
      await eventually('the next second', () => (Math.floor(Date.now() / 1_000) > second ? true : undefined));
    }
  }

  /**
   * Waits until every sidecar has taken all that was written. First the control plane must know these policies and no
   * others: it believes at once in what is new, but not in what is gone. Then a fence is raised, an endpoint that comes in
   * one batch with the policies, and every Envoy must see it, and hold, version by version, what we would send it.
   * With `drained`, also until connections of replaced filter chains are gone; always so on Kubernetes, where Envoys have
   * two workers, and each may keep such a connection to its peers for a request yet to come.
   */
  async settled(options: { readonly drained?: boolean } = {}): Promise<void> {
    const written = this.kube ? await storedPolicies(this.sandbox) : this.#policies.map(policyName).sort();
    await eventually(`the control plane to know ${written.join(', ') || 'no policy'}`, async () =>
      (await knownPolicies(this.sandbox, this.kube)).join() === written.join() ? true : undefined,
    );
    await this.write(this.#policies);
    await Promise.all(world.sidecars.map((pod) => this.#settled(pod, options.drained ?? this.kube)));
  }

  async #settled(pod: string, drained: boolean): Promise<void> {
    const probe = this.probe(pod);
    const mark = `::${fenceAddress(this.#version)}:1::`;
    await eventually(`${pod} to see fence ${this.#version}`, async () =>
      (await probe.envoy('/clusters?filter=fence')).includes(mark) ? true : undefined,
    );
    const planned = await plannedVersions(this.sandbox, pod);
    let differs: Versions = {};
    const same = async (): Promise<true | undefined> => {
      differs = difference(planned, await envoyVersions(probe));
      return Object.keys(differs).length === 0 ? true : undefined;
    };
    await eventually(`${pod} to hold what it should`, same).catch((error: unknown) => {
      throw new Error(`${String(error)}; it differs in ${JSON.stringify(differs)}`);
    });
    if (!drained) return;
    await eventually(`${pod} to drain`, async () => {
      const left = await probe.stats('^listener_manager\\.total_(filter_chains|listeners)_draining$');
      return Object.values(left).every((count) => count === 0) ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
