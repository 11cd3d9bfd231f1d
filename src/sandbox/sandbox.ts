import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { type Capture, captureCommand, followCapture } from './capture.ts';
import { configChanges, removal } from './config-changes.ts';
import { control } from './control-client.ts';
import { type CurlOptions, type CurlResult, curlArguments, readCurl } from './curl.ts';
import { readDocuments } from './documents.ts';
import { endSandbox } from './end-sandbox.ts';
import { appOwner, enterNode, enterPod, type Owner, rootOwner } from './enter.ts';
import { proxyGid, proxyUid } from './envoy-users.ts';
import { findPod } from './find-pod.ts';
import { launch } from './launch.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { poll } from './poll.ts';
import type { ControlRequest, PodStatus, SandboxStatus, StepTiming } from './protocol.ts';
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

const yes = (): boolean => true;
const no = (): boolean => false;

/** Whose rights a command in a pod has: the app's (the default), the sidecar's, or root's. */
export type User = 'app' | 'proxy' | 'root';

const owners: Readonly<Record<User, Owner>> = {
  app: appOwner,
  proxy: { uid: proxyUid, gid: proxyGid },
  root: rootOwner,
};

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
  command(pod: string, argv: readonly string[], user: User = 'app'): readonly string[] {
    return enterPod(`/proc/${this.#record.pid}/root/proc/${this.pod(pod).pid}`, owners[user], argv);
  }

  /** Runs a command as that pod, to its end. */
  async exec(
    pod: string,
    argv: readonly string[],
    options: CommandOptions & { readonly user?: User } = {},
  ): Promise<CommandResult> {
    const { user, ...rest } = options;
    return await runCommand(this.command(pod, argv, user), { env: this.environment, ...rest });
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

  /** A page of the control plane's admin port. */
  async admin(path: string, method: 'GET' | 'POST' = 'GET'): Promise<CurlResult> {
    return readCurl(
      await this.execOnNode(['curl', ...curlArguments(`http://127.0.0.1:15014${path}`, { method, timeoutMs: 10_000 })]),
    );
  }

  /** Captures what crosses a pod's cable; `filter` is tcpdump's. */
  async capture(pod: string, filter = ''): Promise<Capture> {
    const [program = '', ...args] = enterNode(this.#record.pid, captureCommand(this.pod(pod).cable, filter));
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: this.environment });
    return await followCapture(child, systemClock);
  }

  /**
   * Writes objects into the live configuration, as `kubectl apply` would. With `file`, the text is written as it is under
   * that name, right or wrong. Gives the names of the files, for {@link Sandbox.remove}.
   */
  async apply(
    yaml: string,
    options: { readonly file?: string; readonly namespace?: string } = {},
  ): Promise<readonly string[]> {
    const { file, namespace } = options;
    if (file === undefined) return await this.applyDocuments(readDocuments('standard input', yaml, namespace));
    await this.#control({ op: 'config', changes: [{ kind: 'write', file, text: yaml }] });
    return [file];
  }

  /** The same for objects that were read already. */
  async applyDocuments(documents: readonly ManifestDocument[]): Promise<readonly string[]> {
    const changes = configChanges(documents, (await this.refresh()).services);
    await this.#control({ op: 'config', changes });
    return changes.map((each) => each.file);
  }

  /** Takes files out of the live configuration again; false if one of them was not there. */
  async remove(...files: readonly string[]): Promise<boolean> {
    const there = await Promise.all(files.map((file) => access(this.#configPath(file)).then(yes, no)));
    await this.#control({ op: 'config', changes: files.map((file) => removal(file, this.#status.services)) });
    return !there.includes(false);
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

  /** Ends the control plane and leaves it down. */
  async killControlPlane(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#control({ op: 'stop-control-plane', signal });
  }

  /** Starts the control plane and waits until it is ready. */
  async startControlPlane(): Promise<void> {
    await this.#control({ op: 'start-control-plane' });
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

  /** What commands in pods find in their environment. */
  get environment(): Readonly<Record<string, string>> {
    return { PATH: process.env['PATH'] ?? '', HOME: '/', LANG: 'C.UTF-8', TERM: process.env['TERM'] ?? 'dumb' };
  }

  #configPath(file: string): string {
    return join(`/proc/${this.#record.pid}/root`, this.#status.configDir, file);
  }

  async #control(request: ControlRequest): Promise<SandboxStatus> {
    if (!(await isRunning(this.#record))) throw new MeshError('unavailable', `sandbox ${this.name} has ended`);
    this.#status = await control(this.#paths.socket, request);
    return this.#status;
  }
}
