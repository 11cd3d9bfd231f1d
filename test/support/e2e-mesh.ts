import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import { difference, envoyVersions, knownPolicies, plannedVersions, type Versions } from './e2e-dumps.ts';
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

/** The pinned Envoy and the oldest that we support; ENVOY names another one to try instead. */
export function envoysUnderTest(): readonly EnvoyUnderTest[] {
  const given = process.env['ENVOY'];
  if (given !== undefined) return [{ name: given, path: given }];
  return ['1.40.0', '1.36.2'].map((version) => ({
    name: `Envoy ${version}`,
    path: `${home}.tools/envoy-${version}/envoy`,
  }));
}

/** The pinned one, for what doesn't depend on the version. */
export function newestEnvoy(): string {
  return process.env['ENVOY'] ?? `${home}.tools/envoy-1.40.0/envoy`;
}

/** The file that holds all policies of a test. */
const policyFile = 'policies.yaml';

/** The sandbox that end-to-end tests look at, with a probe in every pod. */
export class Mesh implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly #stack: AsyncDisposableStack;
  readonly #probes: ReadonlyMap<string, Probe>;
  #version = 0;
  #policies: readonly PolicyObject[] = [];

  static async up(envoy: string, options: Partial<UpOptions> = {}): Promise<Mesh> {
    if (!existsSync(envoy)) throw new Error(`no Envoy at ${envoy}; \`make envoy envoy-oldest\` fetches it`);
    await using stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    const sandbox = stack.use(
      await Sandbox.up({
        name: 'e2e',
        manifests: [{ file: 'world.yaml', yaml: worldManifests() }],
        appDirs: [`${home}test/e2e/apps`],
        runDir: run.path,
        envoy,
        ...options,
      }),
    );
    const probes = sandbox.pods.map(({ name, namespace }) => [`${name}.${namespace}`, name, namespace] as const);
    const map = new Map(probes.map(([pod]) => [pod, stack.use(new Probe(sandbox, pod))]));
    const mesh = new Mesh(sandbox, stack.move(), map);
    await mesh.enforce([]);
    return mesh;
  }

  private constructor(sandbox: Sandbox, stack: AsyncDisposableStack, probes: ReadonlyMap<string, Probe>) {
    this.sandbox = sandbox;
    this.#stack = stack;
    this.#probes = probes;
  }

  probe(pod: string): Probe {
    const probe = this.#probes.get(pod);
    if (probe === undefined) throw new Error(`no probe in ${pod}`);
    return probe;
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
    await this.sandbox.apply(toYaml([fenceEndpoint(this.#version), ...policies]), { file: policyFile });
  }

  /**
   * Waits until every sidecar has taken all that was written. First the control plane must know these policies and no
   * others: it believes at once in what is new, but not in what is gone. Then a fence is raised, an endpoint that comes in
   * one batch with the policies, and every Envoy must see it, and hold, version by version, what we would send it.
   * With `drained`, also until connections of replaced filter chains are gone.
   */
  async settled(options: { readonly drained?: boolean } = {}): Promise<void> {
    const written = this.#policies.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`).sort();
    await eventually(`the control plane to know ${written.join(', ') || 'no policy'}`, async () =>
      (await knownPolicies(this.sandbox)).join() === written.join() ? true : undefined,
    );
    await this.write(this.#policies);
    await Promise.all(world.sidecars.map((pod) => this.#settled(pod, options.drained ?? false)));
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
