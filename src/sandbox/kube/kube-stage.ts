import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../../install/poll.ts';
import type { KubeClient } from '../../kube/client.ts';
import { assertNever } from '../../lib/assert-never.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { appName } from '../../model/cluster-names.ts';
import { gatewayAddress } from '../addressing.ts';
import type { Backend } from '../backend.ts';
import { findPod } from '../find-pod.ts';
import { makeLiveFolder } from '../live-files.ts';
import { documentFile } from '../manifest-document.ts';
import { nodeNetwork, nodeSettings } from '../network.ts';
import { poll } from '../poll.ts';
import type { ControlRequest, KubeSettings, ProcessStatus, SandboxStatus, SupervisorSettings } from '../protocol.ts';
import { runChecked } from '../run-command.ts';
import { writeSettings } from '../service-network.ts';
import { unheardPorts } from './app-listening.ts';
import { Applied } from './applied.ts';
import type { ContainerRunner } from './container-runner.ts';
import { containerScript, containerScriptFile, outerMounts } from './container-script.ts';
import { install, installation } from './installation.ts';
import { KeyedObjects } from './keyed-objects.ts';
import { Kubelet } from './kubelet.ts';
import { createNode } from './node-object.ts';
import { namespaceOf } from './pod.ts';
import { envoyOf, podInfo } from './pod-info.ts';
import type { PodWorker } from './pod-worker.ts';
import { RestMapper } from './rest-mapper.ts';
import { rolloutReasons } from './rollout.ts';
import { nodeName } from './scheduler.ts';
import { KubeServers } from './servers.ts';
import { ServiceProxy } from './service-proxy.ts';

/** The parts that are there once the API server serves. */
interface Cluster {
  readonly client: KubeClient;
  readonly kubelet: Kubelet;
  readonly proxy: ServiceProxy;
  readonly applied: Applied;
  readonly mapper: RestMapper;
}

const patienceMs = 60_000;
/** Who ended so often while the sandbox starts won't come up. */
const hopeless = 3;
/** Folders that programs of the machine keep changing things in: containers get empty ones of their own. */
const hiddenMounts: readonly string[] = ['/run', '/tmp', '/var/run', '/var/tmp'];

/** A sandbox with a real Kubernetes API: objects live there, and we play scheduler, kubelet, kube-proxy and DNS. */
export class KubeStage implements Backend {
  readonly #settings: SupervisorSettings;
  readonly #kube: KubeSettings;
  readonly #clock: Clock;
  readonly #progress: (step: string) => void;
  readonly #servers: KubeServers;
  readonly #env: Readonly<Record<string, string>>;
  #cluster: Cluster | undefined;

  constructor(settings: SupervisorSettings, kube: KubeSettings, clock: Clock, progress: (step: string) => void) {
    const live = settings.runDir;
    this.#settings = settings;
    this.#kube = kube;
    this.#clock = clock;
    this.#progress = progress;
    this.#env = { PATH: `${join(live, 'bin')}:${settings.path}`, HOME: '/', LANG: 'C.UTF-8' };
    this.#servers = new KubeServers(kube.programs, live, this.#env, clock);
  }

  async start(): Promise<void> {
    const { runDir } = this.#settings;
    await makeLiveFolder(this.#settings);
    await Promise.all([
      writeFile(join(runDir, containerScriptFile), containerScript),
      runChecked(['ip', '-batch', '-'], { input: nodeNetwork() }),
      writeSettings(nodeSettings),
    ]);
    const client = await this.#servers.start();
    this.#progress('API server');
    const cluster = await this.#join(client);
    this.#progress('node');
    const { controlPlane, mesh } = this.#settings;
    if (controlPlane.kind === 'serve') {
      const { replicas, meshYaml } = this.#kube;
      const options = { namespace: mesh.rootNamespace, replicas, meshYaml, flags: controlPlane.flags };
      const tools = {
        client,
        applied: cluster.applied,
        clock: this.#clock,
        failed: () => this.#crashing(this.#controlPlaneWorkers()),
      };
      await install(installation(options), mesh.rootNamespace, tools);
      this.#progress('control plane');
    }
    await this.#applyExample(cluster);
  }

  async handle(request: ControlRequest): Promise<SandboxStatus> {
    switch (request.op) {
      case 'status':
        break;
      case 'config':
        throw new MeshError(
          'bad-argument',
          'this sandbox has no live configuration: its objects are in its API server',
        );
      case 'apply':
        await this.#there().applied.write(request.files);
        break;
      case 'remove':
        for (const file of request.files) await this.#there().applied.remove(file);
        break;
      case 'stop-envoy':
        await this.#envoyOf(request.pod).hold(request.signal);
        break;
      case 'start-envoy':
        await this.#startAgain([this.#envoyOf(request.pod)]);
        break;
      case 'stop-control-plane':
        await Promise.all(this.#controlPlanes(request.replica).map((each) => each.hold(request.signal)));
        break;
      case 'start-control-plane':
        await this.#startAgain(this.#controlPlanes(request.replica));
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
    return this.#status();
  }

  suspectLog(_thrown: unknown): string | undefined {
    const process = this.#servers.processes.find((each) => !each.running || each.restarts > 0);
    if (this.#cluster === undefined) return process?.spec.logFile;
    const ended = this.#workers().flatMap((worker) => podInfo(worker).containers);
    const log = ended.find((each) => each.restarts > 0 || each.state === 'CrashLoopBackOff')?.log;
    return log === undefined ? process?.spec.logFile : join(this.#settings.runDir, 'logs', log);
  }

  /** Makes the node, and begins to run what is bound to it. */
  async #join(client: KubeClient): Promise<Cluster> {
    const { runDir, mesh, appDirs } = this.#settings;
    const node = { hostIp: gatewayAddress, nodeName, cpus: cpus().length, memory: totalmem() };
    const never = new AbortController().signal;
    const proxy = new ServiceProxy(client, this.#clock, async (services) => await kubelet.writeHosts(services));
    const mounts = outerMounts(await readFile('/proc/self/mountinfo', 'utf8'), [runDir, ...hiddenMounts]);
    const kubelet = new Kubelet(
      {
        ...{ client, clock: this.#clock, live: runDir, env: this.#env, dnsDomain: mesh.dnsDomain, node, mounts },
        appDirs: appDirs.length,
        objects: new KeyedObjects(),
        tokenLifeShare: this.#kube.tokenLifeShare,
        services: () => proxy.plans,
      },
      never,
    );
    const mapper = new RestMapper(client);
    this.#cluster = { client, kubelet, proxy, mapper, applied: new Applied(client, mapper, this.#clock) };
    await createNode(client, { ...node, kernel: release() }, this.#clock.now());
    await proxy.start(never);
    await kubelet.start();
    return this.#cluster;
  }

  /** Applies the example's objects, and waits until all that they run is up. */
  async #applyExample({ applied, client, mapper }: Cluster): Promise<void> {
    const { documents } = this.#kube;
    await applied.write(documents.map((each) => ({ file: documentFile(each), documents: [each] })));
    this.#progress(`${documents.length} ${documents.length === 1 ? 'object' : 'objects'}`);
    const paths = await Promise.all(
      documents.map(async ({ kind, namespace, name, value }) => {
        const path = await mapper.path({ apiVersion: String(value['apiVersion']), kind, namespace, name });
        return { kind, path };
      }),
    );
    const patience = { clock: this.#clock, timeoutMs: patienceMs, intervalMs: 50 };
    await pollUntil('the pods to be ready', patience, async () => {
      const ended = this.#crashing(this.#workers());
      if (ended !== undefined) throw new MeshError('unavailable', ended);
      const reasons = [...(await rolloutReasons(client, paths)), ...(await this.#unheard())];
      return reasons.length === 0 ? undefined : reasons.join('; ');
    });
    const count = this.#workers().length;
    this.#progress(`${count} ${count === 1 ? 'pod' : 'pods'}`);
  }

  async #unheard(): Promise<readonly string[]> {
    const found = await Promise.all(
      this.#workers().map(async (worker) =>
        (await unheardPorts(worker)).map((port) => `Pod ${worker.pod.metadata.name}: nobody listens on port ${port}`),
      ),
    );
    return found.flat();
  }

  #status(): SandboxStatus {
    const { name, example } = this.#settings;
    return {
      ...{ name, example, configDir: '', controlPlane: this.#controlPlaneStatus() },
      pods: this.#workers().map(podInfo),
      services: this.#cluster?.proxy.plans ?? [],
      kube: {
        kubeconfig: this.#servers.kubeconfig,
        files: this.#cluster?.applied.files ?? [],
        controlPlanes: this.#controlPlaneWorkers().map(({ pod }) => `${pod.metadata.name}.${namespaceOf(pod)}`),
      },
    };
  }

  #workers(): readonly PodWorker[] {
    const key = ({ pod }: PodWorker): string => `${namespaceOf(pod)}/${pod.metadata.name}`;
    return (this.#cluster?.kubelet.workers ?? []).toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  #controlPlaneWorkers(): readonly PodWorker[] {
    return this.#workers().filter(
      ({ pod }) => namespaceOf(pod) === this.#settings.mesh.rootNamespace && pod.metadata.labels?.['app'] === appName,
    );
  }

  #controlPlanes(replica: string | undefined): readonly ContainerRunner[] {
    const workers = this.#controlPlaneWorkers();
    if (workers.length === 0) throw new MeshError('not-found', 'this sandbox was started without a control plane');
    const chosen = replica === undefined ? workers : [this.#pod(replica)];
    return chosen.flatMap(({ runners }) => runners.filter((each) => each.role === 'app'));
  }

  #controlPlaneStatus(): ProcessStatus {
    const workers = this.#controlPlaneWorkers();
    if (workers.length === 0) return 'none';
    return workers.some((each) => each.ready) ? 'running' : 'down';
  }

  /** Why waiting for these pods is no use; `undefined` while they may come. */
  #crashing(workers: readonly PodWorker[]): string | undefined {
    for (const { pod, runners } of workers) {
      const ended = runners.find(({ view }) => view.restarts >= hopeless && view.state.kind !== 'running');
      if (ended === undefined) continue;
      return `container ${ended.container.name} of ${pod.metadata.name}.${namespaceOf(pod)} ends again and again`;
    }
    return undefined;
  }

  async #startAgain(runners: readonly ContainerRunner[]): Promise<void> {
    for (const runner of runners) runner.release();
    await poll('the container to be ready', () => (runners.every(({ view }) => view.ready) ? true : undefined), {
      clock: this.#clock,
      timeoutMs: patienceMs,
    });
  }

  async #deletePod({ pod, uid }: PodWorker): Promise<void> {
    const { client, kubelet } = this.#there();
    await client.remove(`/api/v1/namespaces/${namespaceOf(pod)}/pods/${pod.metadata.name}`, { uid });
    await poll(
      `${pod.metadata.name} to go`,
      () => (kubelet.workers.some((each) => each.uid === uid) ? undefined : true),
      { clock: this.#clock, timeoutMs: patienceMs },
    );
  }

  #pod(name: string): PodWorker {
    const workers = this.#workers();
    const found = findPod(
      workers.map((worker) => ({ ...podInfo(worker), worker })),
      name,
    );
    return found.worker;
  }

  #envoyOf(name: string): ContainerRunner {
    const envoy = envoyOf(this.#pod(name));
    if (envoy === undefined) throw new MeshError('not-found', `pod ${name} has no sidecar`);
    return envoy;
  }

  #there(): Cluster {
    if (this.#cluster === undefined) throw new MeshError('unavailable', 'the API server is not up yet');
    return this.#cluster;
  }
}
