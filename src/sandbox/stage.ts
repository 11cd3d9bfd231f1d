import { join } from 'node:path';
import { assertNever } from '../lib/assert-never.ts';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { appCommand } from './app-command.ts';
import type { Backend } from './backend.ts';
import { controlPlaneProcess, waitForControlPlane } from './control-plane.ts';
import { findPod } from './find-pod.ts';
import type { KeptProcess } from './kept-process.ts';
import { changeConfig, makeLiveFolder, writeObjects } from './live-files.ts';
import { documentFile } from './manifest-document.ts';
import { cable, nodeNetwork, nodeSettings, podCables } from './network.ts';
import { type PodContext, PodRuntime, podKey } from './pod-runtime.ts';
import type { ConfigChange, ControlRequest, SandboxStatus, SupervisorSettings } from './protocol.ts';
import { runChecked } from './run-command.ts';
import { ServiceNetwork, writeSettings } from './service-network.ts';
import { Sidecars } from './sidecar.ts';
import { waitForApp, waitForEnvoy } from './wait-for.ts';

/** A sandbox without a cluster: pods of a plan, and a control plane that watches a folder. */
export class Stage implements Backend {
  readonly #settings: SupervisorSettings;
  readonly #clock: Clock;
  readonly #progress: (step: string) => void;
  readonly #context: PodContext;
  readonly #configDir: string;
  readonly #services: ServiceNetwork;
  readonly #controlPlane: KeptProcess | undefined;
  readonly #sidecars: Sidecars;
  #pods: readonly PodRuntime[] = [];

  constructor(settings: SupervisorSettings, clock: Clock, progress: (step: string) => void) {
    const live = settings.runDir;
    const env = { PATH: `${join(live, 'bin')}:${settings.path}`, HOME: '/', LANG: 'C.UTF-8' };
    this.#settings = settings;
    this.#clock = clock;
    this.#progress = progress;
    this.#context = { settings, clock, live, env };
    this.#configDir = settings.configDir ?? join(live, 'config');
    this.#services = new ServiceNetwork(settings.plan.services);
    const folders = { config: this.#configDir, state: join(live, 'state'), logs: join(live, 'logs') };
    this.#controlPlane = controlPlaneProcess(settings, folders, env, clock);
    this.#sidecars = new Sidecars(settings, folders.state, clock);
  }

  /** Brings everything up; what takes longest begins first. */
  async start(): Promise<void> {
    const { plan } = this.#settings;
    await makeLiveFolder(this.#settings);
    await Promise.all([
      writeObjects(this.#configDir, plan.objects),
      runChecked(['ip', '-batch', '-'], { input: nodeNetwork() }),
      writeSettings(nodeSettings),
    ]);
    this.#controlPlane?.start();
    await this.#startPods();
    this.#progress(`network of ${plan.pods.length} ${plan.pods.length === 1 ? 'pod' : 'pods'}`);
    await Promise.all([this.#startApps(), this.#startSidecars()]);
  }

  async handle(request: ControlRequest): Promise<SandboxStatus> {
    switch (request.op) {
      case 'status':
        break;
      case 'config':
        await this.#changeConfig(request.changes);
        break;
      case 'apply':
      case 'remove':
        throw new MeshError('bad-argument', 'this sandbox has no Kubernetes API', {
          hint: 'start one with: coxswain sandbox up EXAMPLE --kube',
        });
      case 'stop-envoy':
        await this.#envoyOf(request.pod).stop(request.signal, this.#patience());
        break;
      case 'start-envoy': {
        const pod = this.#pod(request.pod);
        this.#envoyOf(request.pod).start();
        await waitForEnvoy(pod, this.#clock);
        break;
      }
      case 'stop-control-plane':
        await this.#needControlPlane().stop(request.signal, this.#patience());
        break;
      case 'start-control-plane':
        this.#needControlPlane().start();
        await waitForControlPlane(this.#needControlPlane(), this.#clock);
        break;
      case 'delete-pod':
        await this.#deletePod(this.#pod(request.pod));
        break;
      case 'down':
        // The answer must leave first; with this process everything else ends.
        this.#clock.after(20, () => process.exit(0));
        break;
      default:
        assertNever(request);
    }
    return this.status();
  }

  status(): SandboxStatus {
    const { name, example } = this.#settings;
    const controlPlane = this.#controlPlane === undefined ? 'none' : this.#controlPlane.running ? 'running' : 'down';
    const pods = this.#pods.map((pod) => pod.status());
    const services = this.#services.specs;
    return { name, example, configDir: this.#configDir, controlPlane, pods, services, kube: undefined };
  }

  /** The log that may explain why the start failed. */
  suspectLog(_thrown: unknown): string | undefined {
    if (this.#controlPlane !== undefined && !this.#controlPlane.running) return this.#controlPlane.spec.logFile;
    const processes = this.#pods.flatMap((pod) => [pod.app, pod.envoy]);
    return processes.find((each) => each !== undefined && (!each.running || each.restarts > 0))?.spec.logFile;
  }

  async #startPods(): Promise<void> {
    const { plan } = this.#settings;
    const services = this.#services.resolve([]);
    this.#pods = await Promise.all(plan.pods.map((each) => PodRuntime.create(each, services, this.#context)));
    const cables = this.#pods.map((pod) => ({ index: pod.plan.index, pid: pod.pid }));
    await runChecked(['ip', '-batch', '-'], { input: podCables(cables) });
    await Promise.all([...this.#pods.map((pod) => pod.connect()), this.#services.update(this.#pods)]);
  }

  async #startApps(): Promise<void> {
    const apps = this.#pods.flatMap((pod) =>
      pod.plan.command === undefined ? [] : [{ pod, command: pod.plan.command }],
    );
    await Promise.all(
      apps.map(async ({ pod, command }) => {
        pod.startApp(await appCommand(this.#context.live, this.#settings.appDirs.length, command));
        await waitForApp(pod, this.#clock);
      }),
    );
    if (apps.length > 0) this.#progress(`${apps.length} ${apps.length === 1 ? 'app' : 'apps'}`);
  }

  async #startSidecars(): Promise<void> {
    if (this.#controlPlane !== undefined) {
      await Promise.all([this.#sidecars.preload(), waitForControlPlane(this.#controlPlane, this.#clock)]);
      this.#progress('control plane');
    }
    const injected = this.#pods.filter((pod) => pod.plan.injected && this.#canHaveSidecar(pod));
    await Promise.all(
      injected.map(async (pod) => {
        pod.startEnvoy(await this.#sidecars.prepare(pod.plan, pod.dir));
        await waitForEnvoy(pod, this.#clock);
      }),
    );
    const gateways = injected.filter((pod) => pod.plan.proxy === 'router').length;
    const sidecars = injected.length - gateways;
    if (sidecars > 0) this.#progress(`${sidecars} ${sidecars === 1 ? 'sidecar' : 'sidecars'}`);
    if (gateways > 0) this.#progress(`${gateways} ${gateways === 1 ? 'gateway' : 'gateways'}`);
  }

  #canHaveSidecar(pod: PodRuntime): boolean {
    return this.#controlPlane !== undefined || this.#settings.envoyConfigs[podKey(pod.plan)] !== undefined;
  }

  async #changeConfig(changes: readonly ConfigChange[]): Promise<void> {
    for (const change of changes) await changeConfig(this.#configDir, change);
    const services = changes.filter((each) => each.service !== undefined);
    if (services.length === 0) return;
    for (const change of services) {
      if (change.service === undefined) continue;
      if (change.kind === 'write') this.#services.put(change.service);
      else this.#services.remove(change.service);
    }
    await this.#services.update(this.#pods);
  }

  async #deletePod(pod: PodRuntime): Promise<void> {
    this.#pods = this.#pods.filter((each) => each !== pod);
    const { name, namespace, index } = pod.plan;
    await changeConfig(this.#configDir, { kind: 'remove', file: documentFile({ kind: 'Pod', namespace, name }) });
    await this.#services.update(this.#pods);
    await pod.delete();
    // The kernel takes the cable with the pod's namespace, but in its own time.
    await runChecked(['sh', '-c', `ip link delete ${cable(index)} 2>/dev/null || true`]);
  }

  #pod(name: string): PodRuntime {
    const plan = findPod(
      this.#pods.map((each) => each.plan),
      name,
    );
    const found = this.#pods.find((each) => each.plan === plan);
    if (found === undefined) throw new MeshError('not-found', `no pod ${name}`);
    return found;
  }

  #envoyOf(name: string): KeptProcess {
    const { envoy } = this.#pod(name);
    if (envoy === undefined) throw new MeshError('not-found', `pod ${name} has no sidecar`);
    return envoy;
  }

  #needControlPlane(): KeptProcess {
    if (this.#controlPlane === undefined)
      throw new MeshError('not-found', 'this sandbox was started without a control plane');
    return this.#controlPlane;
  }

  #patience(): { readonly clock: Clock; readonly timeoutMs: number } {
    return { clock: this.#clock, timeoutMs: 10_000 };
  }
}
