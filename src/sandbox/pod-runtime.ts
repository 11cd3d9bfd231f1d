import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { envoyCommand } from '../agent/envoy-process.ts';
import { defaultInterception, interceptionRules } from '../agent/interception.ts';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { appOwner, enterPod } from './enter.ts';
import { proxyGid, proxyUid } from './envoy-users.ts';
import { KeptProcess } from './kept-process.ts';
import { hostsFile, resolverFile } from './names.ts';
import { cable, podNetworkSetup } from './network.ts';
import type { PodPlan, ServicePlan } from './pod-plan.ts';
import { podScriptFile } from './pod-script.ts';
import type { PodStatus, ProcessStatus, SupervisorSettings } from './protocol.ts';
import { killGroup } from './run-command.ts';

/** What a pod needs of the sandbox around it. */
export interface PodContext {
  readonly settings: SupervisorSettings;
  readonly clock: Clock;
  /** The folder that only the sandbox sees. */
  readonly live: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Name of a pod among all: `<pod>.<namespace>`. */
export function podKey(pod: { readonly name: string; readonly namespace: string }): string {
  return `${pod.name}.${pod.namespace}`;
}

/** One running pod: the process that holds its namespaces, its app, and its Envoy. */
export class PodRuntime {
  readonly plan: PodPlan;
  readonly dir: string;
  readonly #context: PodContext;
  readonly #holder: ChildProcess;
  readonly #says: AsyncIterator<string>;
  #app: KeptProcess | undefined;
  #envoy: KeptProcess | undefined;

  /** Starts the pod's first process and waits until its namespaces are there. */
  static async create(plan: PodPlan, services: readonly ServicePlan[], context: PodContext): Promise<PodRuntime> {
    const dir = join(context.live, 'pods', podKey(plan));
    await mkdir(dir, { recursive: true, mode: 0o755 });
    const pod = new PodRuntime(plan, dir, context);
    await Promise.all([
      pod.writeHosts(services),
      writeFile(join(dir, 'resolv.conf'), resolverFile),
      writeFile(join(dir, 'network'), podNetworkSetup(plan.ip)),
      writeFile(
        join(dir, 'rules.v4'),
        plan.injected ? interceptionRules({ ...defaultInterception, proxyUid, proxyGid }).v4 : '',
      ),
    ]);
    pod.#holder.stdin?.write('files\n');
    await pod.#expect('made');
    return pod;
  }

  private constructor(plan: PodPlan, dir: string, context: PodContext) {
    this.plan = plan;
    this.dir = dir;
    this.#context = context;
    const flags = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // The shell starts at once, beside the writing of its files, and waits for them.
    this.#holder = spawn('unshare', [...flags, 'sh', join(context.live, podScriptFile), dir, plan.name], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: context.env,
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

  get envoy(): KeptProcess | undefined {
    return this.#envoy;
  }

  get app(): KeptProcess | undefined {
    return this.#app;
  }

  /** To be called once its cable is plugged in. */
  async connect(): Promise<void> {
    this.#holder.stdin?.write('cable\n');
    await this.#expect('ready');
  }

  /** Rewritten in place: the pod has this very file mounted over its own. */
  async writeHosts(services: readonly ServicePlan[]): Promise<void> {
    await writeFile(join(this.dir, 'hosts'), hostsFile(this.plan, services, this.#context.settings.mesh.dnsDomain));
  }

  startApp(argv: readonly string[]): void {
    this.#app = this.#keep('app', enterPod(`/proc/${this.pid}`, appOwner, argv));
    this.#app.start();
  }

  startEnvoy(configFile: string): void {
    const { envoy, envoyFlags, envoyUids } = this.#context.settings;
    if (envoy === undefined) throw new MeshError('missing-tool', 'no Envoy to run');
    const owner = { uid: envoyUids[podKey(this.plan)] ?? proxyUid, gid: proxyGid };
    const command = envoyCommand({
      binary: join(this.#context.live, 'bin', 'envoy'),
      bootstrapFile: configFile,
      logLevel: 'warning',
      concurrency: 1,
      drainSeconds: 1,
      wrapper: enterPod(`/proc/${this.pid}`, owner, []),
    });
    this.#envoy = this.#keep('envoy', [...command, ...envoyFlags]);
    this.#envoy.start();
  }

  /** Ends the pod with all that runs in it. */
  async delete(): Promise<void> {
    const patience = { clock: this.#context.clock, timeoutMs: 5_000 };
    const ended = Promise.withResolvers<void>();
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) ended.resolve();
    else this.#holder.once('exit', () => ended.resolve());
    await Promise.all([this.#app?.stop('SIGKILL', patience), this.#envoy?.stop('SIGKILL', patience)]);
    this.#holder.kill('SIGKILL');
    await ended.promise;
  }

  status(): PodStatus {
    const { name, namespace, workload, ip, serviceAccount, injected, labels, index } = this.plan;
    return {
      ...{ name, namespace, workload, ip, serviceAccount, injected, labels, pid: this.pid, cable: cable(index) },
      app: statusOf(this.#app),
      envoy: statusOf(this.#envoy),
    };
  }

  #keep(part: 'app' | 'envoy', argv: readonly string[]): KeptProcess {
    const logFile = join(this.#context.live, 'logs', `${podKey(this.plan)}.${part}.log`);
    return new KeptProcess(
      { name: `${part} of ${podKey(this.plan)}`, argv, env: this.#context.env, logFile },
      this.#context.clock,
    );
  }

  async #expect(word: string): Promise<void> {
    const next = await this.#says.next();
    if (next.done !== true && next.value === word) return;
    killGroup(this.#holder.pid, 'SIGKILL');
    throw new MeshError('unavailable', `pod ${podKey(this.plan)} did not come up`, {
      hint: 'what its set-up printed stands above',
    });
  }
}

function statusOf(process: KeptProcess | undefined): ProcessStatus {
  if (process === undefined) return 'none';
  return process.running ? 'running' : 'down';
}
