import { join } from 'node:path';
import { envoyCommand } from '../agent/envoy-process.ts';
import { defaultInterception, interceptionRules } from '../agent/interception.ts';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { appOwner, enterPod } from './enter.ts';
import { proxyGid, proxyUid } from './envoy-users.ts';
import { KeptProcess } from './kept-process.ts';
import { cable } from './network.ts';
import { PodNamespaces } from './pod-namespaces.ts';
import type { PodPlan, ServicePlan } from './pod-plan.ts';
import type { PodStatus, ProcessStatus, SupervisorSettings } from './protocol.ts';

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

/** One running pod: its namespaces, its app, and its Envoy. */
export class PodRuntime {
  readonly plan: PodPlan;
  readonly dir: string;
  readonly #context: PodContext;
  readonly #namespaces: PodNamespaces;
  #app: KeptProcess | undefined;
  #envoy: KeptProcess | undefined;

  /** Starts the pod's first process and waits until its namespaces are there. */
  static async create(plan: PodPlan, services: readonly ServicePlan[], context: PodContext): Promise<PodRuntime> {
    const { live, env, settings } = context;
    const { name, namespace, ip } = plan;
    const dir = join(live, 'pods', podKey(plan));
    const intercepted = plan.injected && plan.proxy === 'sidecar';
    const rules = intercepted ? interceptionRules({ ...defaultInterception, proxyUid, proxyGid }).v4 : '';
    const { dnsDomain } = settings.mesh;
    const namespaces = await PodNamespaces.create({ name, namespace, ip, dir, live, env, dnsDomain, rules }, services);
    return new PodRuntime(plan, dir, context, namespaces);
  }

  private constructor(plan: PodPlan, dir: string, context: PodContext, namespaces: PodNamespaces) {
    this.plan = plan;
    this.dir = dir;
    this.#context = context;
    this.#namespaces = namespaces;
  }

  /** The process that holds the pod's namespaces, as numbered in the sandbox. */
  get pid(): number {
    return this.#namespaces.pid;
  }

  get envoy(): KeptProcess | undefined {
    return this.#envoy;
  }

  get app(): KeptProcess | undefined {
    return this.#app;
  }

  /** To be called once its cable is plugged in. */
  async connect(): Promise<void> {
    await this.#namespaces.connect();
  }

  /** Names of services, as this pod sees them. */
  async writeHosts(services: readonly ServicePlan[]): Promise<void> {
    await this.#namespaces.writeHosts(services);
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
    await Promise.all([this.#app?.stop('SIGKILL', patience), this.#envoy?.stop('SIGKILL', patience)]);
    await this.#namespaces.delete();
  }

  status(): PodStatus {
    const { name, namespace, workload, ip, serviceAccount, injected, proxy, labels, index } = this.plan;
    return {
      ...{ name, namespace, workload, ip, serviceAccount, injected, proxy, labels },
      ...{ pid: this.pid, cable: cable(index) },
      app: statusOf(this.#app),
      envoy: statusOf(this.#envoy),
      containers: [],
    };
  }

  #keep(part: 'app' | 'envoy', argv: readonly string[]): KeptProcess {
    const logFile = join(this.#context.live, 'logs', `${podKey(this.plan)}.${part}.log`);
    return new KeptProcess(
      { name: `${part} of ${podKey(this.plan)}`, argv, env: this.#context.env, logFile },
      this.#context.clock,
    );
  }
}

function statusOf(process: KeptProcess | undefined): ProcessStatus {
  if (process === undefined) return 'none';
  return process.running ? 'running' : 'down';
}
