import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { type Capture, captureCommand, followCapture } from './capture.ts';
import { type ConfigDoor, directoryDoor, kubeDoor } from './config-door.ts';
import { control } from './control-client.ts';
import { type CurlOptions, type CurlResult, curlArguments, readCurl } from './curl.ts';
import { readDocuments } from './documents.ts';
import { endSandbox } from './end-sandbox.ts';
import { enterNode, enterPod } from './enter.ts';
import { findPod } from './find-pod.ts';
import { kubectlCommand } from './kubectl-command.ts';
import { launch } from './launch.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { poll } from './poll.ts';
import type { ContainerInfo, ControlRequest, PodStatus, SandboxStatus, StepTiming } from './protocol.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import {
  findSandbox,
  isRunning,
  reserve,
  runDirOf,
  type SandboxPaths,
  type SandboxRecord,
  sandboxPaths,
} from './run-dir.ts';
import { supervisorSettings, type UpOptions } from './up-options.ts';
import { owners, type User } from './user.ts';

/** As whom, and where in a pod, a command runs. */
export interface ExecOptions extends CommandOptions {
  readonly user?: User;
  /** With a Kubernetes API: one of the pod's containers; the app's by default. */
  readonly container?: string;
}

/**
 * A running sandbox, seen from the host. One that {@link Sandbox.up} started ends with the value (`await using`), and with
 * this process; one that {@link Sandbox.find} found stays.
 */
export class Sandbox implements AsyncDisposable {
  readonly name: string;
  /** When each step of the start was done; empty for one that was found. */
  readonly timings: readonly StepTiming[];
  readonly #record: SandboxRecord;
  readonly #runDir: string;
  readonly #paths: SandboxPaths;
  readonly #config: ConfigDoor;
  /** Set as long as the sandbox is this value's to end. */
  #detach: (() => void) | undefined;
  #status: SandboxStatus;

  /** Starts a sandbox and waits until every pod is ready. */
  static async up(options: UpOptions): Promise<Sandbox> {
    const runDir = options.runDir ?? runDirOf(process.env);
    const settings = await supervisorSettings(options, sandboxPaths(runDir, options.name).dir);
    const paths = await reserve(runDir, options.name);
    const { signal, onProgress } = options;
    const launched = await launch(settings, paths, {
      clock: systemClock,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const status = await control(paths.socket, { op: 'status' });
    return new Sandbox(launched.record, runDir, status, launched.timings, launched.detach);
  }

  /** The running sandbox of that name. */
  static async find(name: string, runDir = runDirOf(process.env)): Promise<Sandbox> {
    const record = await findSandbox(runDir, name);
    return new Sandbox(
      record,
      runDir,
      await control(sandboxPaths(runDir, name).socket, { op: 'status' }),
      [],
      undefined,
    );
  }

  private constructor(
    record: SandboxRecord,
    runDir: string,
    status: SandboxStatus,
    timings: readonly StepTiming[],
    detach: (() => void) | undefined,
  ) {
    this.name = record.name;
    this.timings = timings;
    this.#record = record;
    this.#runDir = runDir;
    this.#paths = sandboxPaths(runDir, record.name);
    this.#status = status;
    this.#detach = detach;
    const ask = async (request: ControlRequest): Promise<SandboxStatus> => await this.#control(request);
    this.#config = status.kube === undefined ? directoryDoor(ask, `/proc/${record.pid}/root`) : kubeDoor(ask);
  }

  /** The state that the last request gave; {@link refresh} asks again. */
  get status(): SandboxStatus {
    return this.#status;
  }

  get pods(): readonly PodStatus[] {
    return this.#status.pods;
  }

  /** A pod by `POD.NS` or `DEPLOYMENT.NS`. */
  pod(name: string): PodStatus {
    return findPod(this.pods, name);
  }

  /** A file of the sandbox's own folder, as the host reaches it: `logs/…`, `state/…`, `pods/…`. */
  path(file: string): string {
    return `/proc/${this.#record.pid}/root${this.#paths.dir}/${file}`;
  }

  /** The same file as a command inside reaches it. */
  insidePath(file: string): string {
    return join(this.#paths.dir, file);
  }

  async refresh(): Promise<SandboxStatus> {
    return await this.#control({ op: 'status' });
  }

  /** Command line that runs `argv` in a pod, for whoever wants to run it with the terminal. */
  command(pod: string, argv: readonly string[], user: User = 'app', container?: string): readonly string[] {
    const proc = `/proc/${this.#record.pid}/root/proc`;
    const { pid } = this.pod(pod);
    const files = this.#container(pod, container)?.pid ?? pid;
    return enterPod(`${proc}/${pid}`, owners[user], argv, `${proc}/${files}`);
  }

  /** Runs a command as that pod, to its end. */
  async exec(pod: string, argv: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    const { user, container, ...rest } = options;
    await this.#catchUp();
    return await runCommand(this.command(pod, argv, user, container), { env: this.environment, ...rest });
  }

  /** Starts a command as that pod; what it prints, and its end, are the caller's business. It ends with the sandbox. */
  spawn(pod: string, argv: readonly string[], user: User = 'app'): ChildProcessByStdio<Writable, Readable, Readable> {
    const [program = '', ...args] = this.command(pod, argv, user);
    return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: this.environment });
  }

  /** Runs a command on the sandbox's node, as root. */
  async execOnNode(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await runCommand(enterNode(this.#record.pid, argv), { env: this.environment, ...options });
  }

  /** Calls a URL as that pod does; `status` is 0, and `exit` tells why, if no answer came. */
  async curl(pod: string, url: string, options: CurlOptions = {}): Promise<CurlResult> {
    return readCurl(
      await this.exec(pod, ['curl', ...curlArguments(url, options)], {
        ...(options.data === undefined ? {} : { input: options.data }),
      }),
    );
  }

  /** The admin page of a pod's Envoy. */
  async envoyAdmin(pod: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<CurlResult> {
    return await this.curl(pod, `http://127.0.0.1:15000${path}`, { method, timeoutMs: 10_000 });
  }

  /** A page of the control plane's admin port; with a Kubernetes API, of the first of its pods, or of `replica`. */
  async admin(path: string, method: 'GET' | 'POST' = 'GET', replica?: string): Promise<CurlResult> {
    const curl = [
      'curl',
      ...curlArguments(`http://127.0.0.1:${controlPlanePorts.monitoring}${path}`, { method, timeoutMs: 10_000 }),
    ];
    await this.#catchUp();
    const { kube } = this.#status;
    if (kube === undefined) return readCurl(await this.execOnNode(curl));
    const pod = replica ?? kube.controlPlanes[0];
    if (pod === undefined) throw new MeshError('not-found', 'this sandbox was started without a control plane');
    const { pid } = this.pod(pod);
    // In the pod's own files: those of the container are gone while it is down, and then there is no answer, as it should be.
    const argv = enterPod(`/proc/${this.#record.pid}/root/proc/${pid}`, owners.proxy, curl);
    return readCurl(await runCommand(argv, { env: this.environment }));
  }

  /** Runs kubectl as the cluster's admin, in the sandbox and in this process's folder. */
  async kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [command, env] = this.kubectlCommand(args);
    return await runCommand(command, { ...options, env });
  }

  /** Command line and environment of kubectl, for whoever wants to run it with the terminal. */
  kubectlCommand(args: readonly string[]): readonly [readonly string[], Readonly<Record<string, string>>] {
    const { environment } = this;
    return kubectlCommand(this.#status.kube, { pid: this.#record.pid, environment }, process.cwd(), args);
  }

  /** Captures what crosses a pod's cable; `filter` is tcpdump's. */
  async capture(pod: string, filter = ''): Promise<Capture> {
    await this.#catchUp();
    const [program = '', ...args] = enterNode(this.#record.pid, captureCommand(this.pod(pod).cable, filter));
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: this.environment });
    return await followCapture(child, systemClock);
  }

  /**
   * Writes objects into the live configuration, as `kubectl apply` would. With `file`, the text stands under that name and
   * takes the place of what stood there before: without a cluster as it is, right or wrong. Gives the names of the
   * files, for {@link Sandbox.remove}.
   */
  async apply(
    yaml: string,
    options: { readonly file?: string; readonly namespace?: string } = {},
  ): Promise<readonly string[]> {
    const { file, namespace } = options;
    if (file === undefined) return await this.applyDocuments(readDocuments('standard input', yaml, namespace));
    await this.#config.write(file, yaml, namespace);
    return [file];
  }

  /** The same for objects that were read already. */
  async applyDocuments(documents: readonly ManifestDocument[]): Promise<readonly string[]> {
    return await this.#config.apply(documents);
  }

  /** Takes files out of the live configuration again; false if one of them was not there. */
  async remove(...files: readonly string[]): Promise<boolean> {
    return await this.#config.remove(files);
  }

  /** Ends a pod's Envoy and leaves it down. */
  async killEnvoy(pod: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#control({ op: 'stop-envoy', pod, signal });
  }

  /** Starts a pod's Envoy and waits until it is ready. */
  async startEnvoy(pod: string): Promise<void> {
    await this.#control({ op: 'start-envoy', pod });
  }

  async restartEnvoy(pod: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.killEnvoy(pod, signal);
    await this.startEnvoy(pod);
  }

  /** Ends the control plane and leaves it down; with a Kubernetes API all its replicas, or one of them. */
  async killControlPlane(signal: NodeJS.Signals = 'SIGKILL', replica?: string): Promise<void> {
    await this.#control({ op: 'stop-control-plane', signal, ...(replica === undefined ? {} : { replica }) });
  }

  /** Starts the control plane and waits until it is ready. */
  async startControlPlane(replica?: string): Promise<void> {
    await this.#control({ op: 'start-control-plane', ...(replica === undefined ? {} : { replica }) });
  }

  /** Ends a pod with all that runs in it; services stop leading to it. */
  async deletePod(pod: string): Promise<void> {
    await this.#control({ op: 'delete-pod', pod });
  }

  /** Lets the sandbox live on when this process ends. */
  detach(): void {
    this.#detach?.();
    this.#detach = undefined;
  }

  /** Ends it, and waits until no process and no file of it is left. */
  async down(): Promise<void> {
    await endSandbox(this.#record, this.#runDir);
  }

  /** Resolves when it ended by itself or by somebody else. */
  async ended(signal?: AbortSignal): Promise<void> {
    const wait = {
      clock: systemClock,
      timeoutMs: Number.POSITIVE_INFINITY,
      everyMs: 200,
      ...(signal === undefined ? {} : { signal }),
    };
    await poll('the end', async () => ((await isRunning(this.#record)) ? undefined : true), wait);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#detach !== undefined) await this.down();
  }

  /** A path at which the host finds the live configuration, as long as the sandbox runs. */
  get configLink(): string {
    return join(this.#paths.dir, 'config');
  }

  /** The network of its node, from which every pod and Service can be called. */
  get networkOfNode(): string {
    return `/proc/${this.#record.pid}/ns/net`;
  }

  /** What commands in pods find in their environment. */
  get environment(): Readonly<Record<string, string>> {
    return { PATH: process.env['PATH'] ?? '', HOME: '/', LANG: 'C.UTF-8', TERM: process.env['TERM'] ?? 'dumb' };
  }

  /** In a cluster, pods come and go by themselves. */
  async #catchUp(): Promise<void> {
    if (this.#status.kube !== undefined) await this.refresh();
  }

  /** The container that is meant; `undefined` where all see the files of the pod. */
  #container(pod: string, name: string | undefined): ContainerInfo | undefined {
    const { containers } = this.pod(pod);
    const found = name === undefined ? containers[0] : containers.find((each) => each.name === name);
    if (found === undefined && name === undefined) return undefined;
    if (found === undefined || found.pid === 0) {
      throw new MeshError('unavailable', `container ${found?.name ?? name} of ${pod} does not run`, {
        hint: `containers: ${containers.map((each) => `${each.name} (${each.state})`).join(', ')}`,
      });
    }
    return found;
  }

  async #control(request: ControlRequest): Promise<SandboxStatus> {
    if (!(await isRunning(this.#record))) throw new MeshError('unavailable', `sandbox ${this.name} has ended`);
    this.#status = await control(this.#paths.socket, request);
    return this.#status;
  }
}
