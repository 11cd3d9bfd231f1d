import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../lib/errors.ts';
import { pause } from '../../lib/pause.ts';
import { cable, podCables } from '../network.ts';
import { PodNamespaces } from '../pod-namespaces.ts';
import type { ServicePlan } from '../pod-plan.ts';
import { runChecked } from '../run-command.ts';
import type { ContainerExit } from './container-process.ts';
import { ContainerRunner } from './container-runner.ts';
import type { ContainerRole } from './container-view.ts';
import type { PodPlace } from './downward-api.ts';
import type { KubeletContext } from './kubelet-context.ts';
import { type Container, isSidecar, namespaceOf, type Pod } from './pod.ts';
import { type ContainerHome, containerExec, containerLaunch } from './pod-containers.ts';
import type { PodView } from './pod-status.ts';
import { PodStatusWriter } from './pod-status-writer.ts';
import { PodTokens } from './pod-tokens.ts';
import { PodVolumes } from './pod-volumes.ts';
import { recordEvent } from './record-event.ts';
import { volumePlan } from './volume-files.ts';

const retryMs = 500;

/** Runs one pod from its binding to its end, as the kubelet does. */
export class PodWorker {
  readonly uid: string;
  readonly ip: string;
  readonly index: number;
  readonly dir: string;
  readonly #context: KubeletContext;
  readonly #startedAt: number;
  readonly #status: PodStatusWriter;
  readonly #tokens: PodTokens;
  readonly #volumes: PodVolumes;
  readonly #runners: readonly ContainerRunner[];
  readonly #stop = new AbortController();
  #pod: Pod;
  #namespaces: PodNamespaces | undefined;
  #refused = '';
  #running: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;

  constructor(pod: Pod, place: { readonly index: number; readonly ip: string }, context: KubeletContext) {
    const { clock, client, live, tokenLifeShare } = context;
    this.uid = pod.metadata.uid ?? '';
    this.ip = place.ip;
    this.index = place.index;
    this.dir = join(live, 'pods', this.uid);
    this.#pod = pod;
    this.#context = context;
    this.#startedAt = clock.now();
    this.#status = new PodStatusWriter(client, pod, clock);
    this.#tokens = new PodTokens(pod, client, clock, tokenLifeShare, () => void this.syncVolumes());
    this.#volumes = new PodVolumes(this.dir, this.#tokens);
    const { initContainers = [], containers } = pod.spec;
    this.#runners = [
      ...initContainers.map((each) => this.#runner(each, isSidecar(each) ? 'sidecar' : 'init')),
      ...containers.map((each) => this.#runner(each, 'app')),
    ];
  }

  get pod(): Pod {
    return this.#pod;
  }

  get runners(): readonly ContainerRunner[] {
    return this.#runners;
  }

  get ready(): boolean {
    return this.#runners.every(({ role, view }) => role === 'init' || view.ready);
  }

  /** The process that holds the namespaces; 0 before there are any. */
  get pid(): number {
    return this.#namespaces?.pid ?? 0;
  }

  start(): void {
    this.#running = this.#run().catch(async (thrown: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#refused = MeshError.from(thrown).message;
      await this.#report();
    });
  }

  /** The pod's object changed: its labels may be files, and it may be told to end. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp === undefined) void this.syncVolumes();
    else void this.end((pod.metadata.deletionGracePeriodSeconds ?? 30) * 1_000);
  }

  /** Brings the volumes up to date; what is missing is waited for by whoever needs it. */
  async syncVolumes(): Promise<void> {
    if (this.#namespaces === undefined || this.#stop.signal.aborted) return;
    await this.#volumes.sync(this.#sources()).catch(() => {
      // A source that went away leaves the files as they were.
    });
  }

  async writeHosts(services: readonly ServicePlan[]): Promise<void> {
    await this.#namespaces?.writeHosts(services);
  }

  /** Ends it within this time: apps first, then sidecars, the last one first; then its object goes. */
  end(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  /** Its object is gone already: all ends at once. */
  async vanish(): Promise<void> {
    await Promise.all([this.end(0), ...this.#runners.map((each) => each.hold('SIGKILL'))]);
  }

  async #run(): Promise<void> {
    await this.#report();
    const unsupported = (this.#pod.spec.volumes ?? []).map(volumePlan).find((each) => each.kind === 'unsupported');
    if (unsupported?.kind === 'unsupported') throw new MeshError('bad-argument', unsupported.message);
    if (this.#pod.spec.hostNetwork === true) {
      throw new MeshError('bad-argument', "the sandbox runs no pods in the node's own network");
    }
    await this.#createNamespaces();
    await this.#waitForVolumes();
    const restartPolicy = this.#pod.spec.restartPolicy ?? 'Always';
    for (const runner of this.#runners) {
      if (this.#stop.signal.aborted) return;
      if (runner.role === 'sidecar') {
        void runner.run(() => true);
        await runner.started;
      } else if (runner.role === 'init') {
        const exit = await runner.run(({ code }) => code !== 0 && restartPolicy !== 'Never');
        if (exit === undefined || exit.code !== 0) return await this.#stopSidecars();
      }
    }
    const again = ({ code }: ContainerExit): boolean =>
      restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
    const apps: Promise<unknown>[] = [];
    for (const runner of this.#runners) {
      if (runner.role !== 'app' || this.#stop.signal.aborted) continue;
      apps.push(runner.run(again));
      await runner.launched;
    }
    await Promise.all(apps);
    if (!this.#stop.signal.aborted) await this.#stopSidecars();
  }

  async #createNamespaces(): Promise<void> {
    const { live, env, dnsDomain, services } = this.#context;
    const { name } = this.#pod.metadata;
    const { hostname = name } = this.#pod.spec;
    const namespace = namespaceOf(this.#pod);
    const { ip, dir, index } = this;
    this.#namespaces = await PodNamespaces.create(
      { name, namespace, ip, dir, live, env, dnsDomain, rules: '', hostname },
      services(),
    );
    await runChecked(['ip', '-batch', '-'], { input: podCables([{ index, pid: this.#namespaces.pid }]) });
    await this.#namespaces.connect();
    await this.#report();
  }

  async #waitForVolumes(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        return await this.#volumes.sync(this.#sources());
      } catch (thrown) {
        const { message } = MeshError.from(thrown);
        this.#event('Warning', 'FailedMount', message);
        this.#runners[0]?.waitFor(this.#runners[0].role === 'app' ? 'ContainerCreating' : 'PodInitializing', message);
        await pause(this.#context.clock, retryMs, this.#stop.signal).catch(() => undefined);
      }
    }
  }

  /** The apps are done: sidecars have no reason to stay. */
  async #stopSidecars(): Promise<void> {
    const graceMs = (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1_000;
    await this.#stopInOrder(
      this.#runners.filter((each) => each.role === 'sidecar'),
      Promise.resolve(),
      graceMs,
    );
  }

  async #stopInOrder(sidecars: readonly ContainerRunner[], first: Promise<unknown>, graceMs: number): Promise<void> {
    let turn = first;
    const stops: Promise<void>[] = [];
    for (const sidecar of sidecars.toReversed()) {
      const stop = sidecar.stop(graceMs, turn);
      stops.push(stop);
      turn = stop;
    }
    await Promise.all(stops);
  }

  async #end(graceMs: number): Promise<void> {
    this.#stop.abort(new MeshError('gone', 'the pod ends'));
    const apps = Promise.all(this.#runners.filter((each) => each.role !== 'sidecar').map((each) => each.stop(graceMs)));
    await Promise.all([
      apps,
      this.#stopInOrder(
        this.#runners.filter((each) => each.role === 'sidecar'),
        apps,
        graceMs,
      ),
    ]);
    await this.#running;
    this.#tokens[Symbol.dispose]();
    await this.#report();
    await this.#namespaces?.delete();
    // The kernel takes the cable with the pod's namespace, but in its own time.
    await runChecked(['sh', '-c', `ip link delete ${cable(this.index)} 2>/dev/null || true`]);
    await rm(this.dir, { recursive: true, force: true });
    await this.#deleteObject();
  }

  async #deleteObject(): Promise<void> {
    const { name, uid } = this.#pod.metadata;
    const path = `/api/v1/namespaces/${namespaceOf(this.#pod)}/pods/${name}`;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    for (;;) {
      try {
        await this.#context.client.request('DELETE', path, { body });
        return;
      } catch (thrown) {
        if (MeshError.from(thrown).code !== 'unavailable') return;
        await pause(this.#context.clock, retryMs);
      }
    }
  }

  #runner(container: Container, role: ContainerRole): ContainerRunner {
    const { clock, live } = this.#context;
    const { name } = this.#pod.metadata;
    const graceMs = (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1_000;
    const waiting = (this.#pod.spec.initContainers ?? []).length === 0 ? 'ContainerCreating' : 'PodInitializing';
    return new ContainerRunner(
      container,
      role,
      {
        clock,
        graceMs,
        podIp: this.ip,
        logFile: join(live, 'logs', `${name}.${namespaceOf(this.#pod)}.${container.name}.log`),
        prepare: async () => await containerLaunch(container, this.#home(), this.#context),
        exec: async (program, argv, timeoutMs) =>
          await containerExec(container, this.#home(), this.#context, { program, argv, timeoutMs }),
        changed: () => void this.#report(),
        event: (type, reason, message) => this.#event(type, reason, message),
      },
      waiting,
    );
  }

  #home(): ContainerHome {
    return { pod: this.#pod, dir: this.dir, pid: this.pid, place: this.#place(), volumes: this.#volumes };
  }

  #sources(): Parameters<PodVolumes['sync']>[0] {
    return { pod: this.#pod, place: this.#place(), objects: this.#context.objects };
  }

  #place(): PodPlace {
    return { ...this.#context.node, podIp: this.ip };
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    void recordEvent(this.#context.client, this.#pod, { type, reason, message }, this.#context.clock.now());
  }

  async #report(): Promise<void> {
    await this.#status.write(this.#view());
  }

  #view(): PodView {
    return {
      ip: this.#namespaces === undefined ? undefined : this.ip,
      hostIp: this.#context.node.hostIp,
      startedAt: this.#startedAt,
      restartPolicy: this.#pod.spec.restartPolicy ?? 'Always',
      generation: this.#pod.metadata.generation,
      containers: this.#runners.map((each) => each.view),
      refused: this.#refused,
    };
  }
}
