import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MeshError } from '../lib/errors.ts';
import { writeInPlace } from './in-place.ts';
import { hostsFile, resolverFile } from './names.ts';
import { podNetworkSetup } from './network.ts';
import type { ServicePlan } from './pod-plan.ts';
import { podScriptFile } from './pod-script.ts';
import { killGroup } from './run-command.ts';

/** What the namespaces of a pod are made from. */
export interface PodNamespacesOptions {
  readonly name: string;
  readonly namespace: string;
  readonly ip: string;
  /** The pod's own folder in that of the sandbox. */
  readonly dir: string;
  /** The folder that only the sandbox sees. */
  readonly live: string;
  readonly env: Readonly<Record<string, string>>;
  readonly dnsDomain: string;
  /** Interception rules to load before anything runs; '' for none. */
  readonly rules: string;
  /** Host name of the pod; its name by default. */
  readonly hostname?: string;
}

/** The namespaces of one pod, and the process that holds them: when that ends, the kernel ends all that runs in the pod. */
export class PodNamespaces {
  readonly #options: PodNamespacesOptions;
  readonly #holder: ChildProcess;
  readonly #says: AsyncIterator<string>;
  #hosts = '';

  /** Starts the pod's first process and waits until its namespaces are there. */
  static async create(options: PodNamespacesOptions, services: readonly ServicePlan[]): Promise<PodNamespaces> {
    const { dir, ip, rules } = options;
    await mkdir(dir, { recursive: true, mode: 0o755 });
    const pod = new PodNamespaces(options);
    await Promise.all([
      pod.writeHosts(services),
      writeFile(join(dir, 'resolv.conf'), resolverFile),
      writeFile(join(dir, 'network'), podNetworkSetup(ip)),
      writeFile(join(dir, 'rules.v4'), rules),
    ]);
    pod.#holder.stdin?.write('files\n');
    await pod.#expect('made');
    return pod;
  }

  private constructor(options: PodNamespacesOptions) {
    const { live, dir, env, name, hostname = name } = options;
    this.#options = options;
    const flags = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // The shell starts at once, beside the writing of its files, and waits for them.
    this.#holder = spawn('unshare', [...flags, 'sh', join(live, podScriptFile), dir, hostname], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
    this.#holder.stdin?.on('error', () => {
      // Ended already: what it should have said next is missed, and reported, below.
    });
    const { stdout } = this.#holder;
    if (stdout === null) throw new MeshError('internal', 'no pipe from the pod');
    this.#says = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** The process that holds the pod's namespaces, as numbered in the sandbox. */
  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** To be called once its cable is plugged in. */
  async connect(): Promise<void> {
    this.#holder.stdin?.write('cable\n');
    await this.#expect('ready');
  }

  /** Rewritten in place: the pod has this very file mounted over its own. */
  async writeHosts(services: readonly ServicePlan[]): Promise<void> {
    const text = hostsFile(this.#options, services, this.#options.dnsDomain);
    if (text === this.#hosts) return;
    this.#hosts = text;
    await writeInPlace(join(this.#options.dir, 'hosts'), text);
  }

  /** Ends the pod with all that runs in it. */
  async delete(): Promise<void> {
    const ended = Promise.withResolvers<void>();
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) ended.resolve();
    else this.#holder.once('exit', () => ended.resolve());
    this.#holder.kill('SIGKILL');
    await ended.promise;
  }

  async #expect(word: string): Promise<void> {
    const next = await this.#says.next();
    if (next.done !== true && next.value === word) return;
    killGroup(this.#holder.pid, 'SIGKILL');
    throw new MeshError('unavailable', `pod ${this.#options.name}.${this.#options.namespace} did not come up`, {
      hint: 'what its set-up printed stands above',
    });
  }
}
