import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { pause } from '../../lib/pause.ts';
import { type ContainerExit, type ContainerProcess, startContainer } from './container-process.ts';
import type { ContainerRole, ContainerState, ContainerView, Terminated } from './container-view.ts';
import { crashBackoff } from './crash-backoff.ts';
import { ask, type HandlerTarget, runHook } from './handler.ts';
import { Missing } from './missing.ts';
import type { Container, Probe } from './pod.ts';
import { watchProbe } from './prober.ts';

/** What a container needs of the pod around it. */
export interface RunnerContext {
  readonly clock: Clock;
  readonly podIp: string;
  readonly logFile: string;
  /** Of the pod: how long a container that must end may take. */
  readonly graceMs: number;
  /** Command line and environment. Throws {@link Missing} while something that they need isn't there. */
  readonly prepare: () => Promise<{ readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }>;
  /** Runs a command in the container whose program is `pid`. */
  readonly exec: (
    pid: number,
    argv: readonly string[],
    timeoutMs: number,
  ) => Promise<{ readonly code: number; readonly output: string }>;
  readonly changed: () => void;
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
}

const retryMs = 500;
const longestHookMs = 3_600_000;
/** What remains for SIGTERM at least, however long a hook took; the kubelet's minimum. */
const leastGraceMs = 2_000;

/** Runs one container, again and again, with its hooks and probes, as the kubelet does. */
export class ContainerRunner {
  readonly container: Container;
  readonly role: ContainerRole;
  readonly #context: RunnerContext;
  readonly #stop = new AbortController();
  readonly #launched = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  #process: ContainerProcess | undefined;
  #held: PromiseWithResolvers<void> | undefined;
  #state: ContainerState = { kind: 'waiting', reason: 'ContainerCreating', message: '' };
  #last: Terminated | undefined;
  #isStarted = false;
  #isReady = false;
  #restarts = 0;

  constructor(container: Container, role: ContainerRole, context: RunnerContext, waiting: string) {
    this.container = container;
    this.role = role;
    this.#context = context;
    this.#state = { kind: 'waiting', reason: waiting, message: '' };
  }

  get view(): ContainerView {
    const { name, image = '' } = this.container;
    return {
      ...{ name, image, role: this.role, state: this.#state, last: this.#last },
      ...{ started: this.#isStarted, ready: this.#isReady, restarts: this.#restarts },
    };
  }

  /** Its program, as numbered in the sandbox; `undefined` while it doesn't run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when it runs and its postStart hook is done, or when its first attempt failed. */
  get launched(): Promise<void> {
    return this.#launched.promise;
  }

  /** Resolves when its startup probe has succeeded, or when it is stopped. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Says what it waits for before it has run. */
  waitFor(reason: string, message: string): void {
    this.#setState({ kind: 'waiting', reason, message });
  }

  /** Runs it until it is stopped or `again` says that it is done; `undefined` if it was stopped before it ran. */
  async run(again: (exit: ContainerExit) => boolean): Promise<ContainerExit | undefined> {
    let delayMs: number | undefined;
    for (;;) {
      await this.#held?.promise;
      if (this.#stop.signal.aborted) return undefined;
      const began = this.#context.clock.now();
      const exit = await this.#once();
      this.#launched.resolve();
      if (exit === undefined || this.#stop.signal.aborted || !again(exit)) return exit;
      if (this.#held === undefined) {
        delayMs = crashBackoff(delayMs, this.#context.clock.now() - began);
        if (delayMs > 0) await this.#backOff(delayMs, exit);
      }
      this.#restarts += 1;
    }
  }

  /**
   * Ends it for good. Its preStop hook begins at once; the signal waits for its turn (sidecars go after the apps). Who
   * is not done within the grace period is killed.
   */
  async stop(graceMs: number, turn: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#stop.abort();
    this.#started.resolve();
    this.#launched.resolve();
    this.#held?.resolve();
    if (this.#process === undefined) return await turn.then(() => undefined);
    await this.#end(this.#process, graceMs, turn);
  }

  /** Ends it with this signal, and keeps it down until {@link release}. */
  async hold(signal: NodeJS.Signals): Promise<void> {
    this.#held ??= Promise.withResolvers();
    const process = this.#process;
    if (process === undefined) return;
    if (signal === 'SIGKILL') process.kill();
    else process.signal(signal);
    await process.exited;
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  async #once(): Promise<ContainerExit | undefined> {
    const { clock, logFile } = this.#context;
    const prepared = await this.#prepare();
    if (prepared === undefined) return undefined;
    const startedAt = clock.now();
    let process: ContainerProcess;
    try {
      process = await startContainer(prepared.argv, prepared.env, logFile);
    } catch (thrown) {
      const { message } = MeshError.from(thrown);
      this.#context.event('Warning', 'Failed', message);
      this.#terminated({ code: 128, signal: undefined }, startedAt);
      this.waitFor('CreateContainerError', message);
      return { code: 128, signal: undefined };
    }
    this.#process = process;
    if (this.#stop.signal.aborted) process.kill();
    this.#setState({ kind: 'running', startedAt });
    const life = new AbortController();
    void this.#live(process, life.signal).catch((thrown: unknown) => {
      if (!life.signal.aborted) this.#context.event('Warning', 'Failed', MeshError.from(thrown).message);
    });
    const exit = await process.exited;
    life.abort();
    this.#process = undefined;
    this.#terminated(exit, startedAt);
    return exit;
  }

  /** Command line and environment, as soon as they can be had; `undefined` if it is stopped first. */
  async #prepare(): Promise<Awaited<ReturnType<RunnerContext['prepare']>> | undefined> {
    while (!this.#stop.signal.aborted) {
      try {
        return await this.#context.prepare();
      } catch (thrown) {
        const { message } = MeshError.from(thrown);
        this.waitFor(thrown instanceof Missing ? 'CreateContainerConfigError' : 'CreateContainerError', message);
        await pause(this.#context.clock, retryMs, this.#stop.signal).catch(() => undefined);
      }
    }
    return undefined;
  }

  /** Hook and probes of one life of the container. */
  async #live(process: ContainerProcess, signal: AbortSignal): Promise<void> {
    const { lifecycle, startupProbe, readinessProbe, livenessProbe } = this.container;
    const { clock, graceMs, event } = this.#context;
    const target = this.#target(process);
    if (lifecycle?.postStart !== undefined) {
      const hook = runHook(lifecycle.postStart, target, longestHookMs);
      const { ok, message } = await Promise.race([hook, process.exited.then(() => ({ ok: true, message: '' }))]);
      if (signal.aborted) return;
      if (!ok) {
        event('Warning', 'FailedPostStartHook', message);
        return void this.#end(process, graceMs);
      }
    }
    this.#launched.resolve();
    const watch = (probe: Probe, kind: string, told: (ok: boolean, message: string) => boolean): Promise<void> =>
      watchProbe(
        probe,
        { clock, signal, early: kind !== 'Liveness' },
        (timeoutMs) => ask(probe, target, timeoutMs),
        (ok, message) => {
          if (!ok) event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
          return told(ok, message);
        },
      );
    const kill = (probe: Probe): boolean => {
      const own = probe.terminationGracePeriodSeconds;
      event('Normal', 'Killing', `Container ${this.container.name} failed a probe, will be restarted`);
      void this.#end(process, own === undefined ? graceMs : own * 1_000);
      return false;
    };
    if (startupProbe !== undefined) {
      let passed = false;
      await watch(startupProbe, 'Startup', (ok) => {
        passed = ok;
        if (!ok) kill(startupProbe);
        return false;
      });
      if (!passed || signal.aborted) return;
    }
    this.#isStarted = true;
    this.#isReady = readinessProbe === undefined;
    this.#context.changed();
    this.#started.resolve();
    await Promise.all([
      readinessProbe === undefined
        ? undefined
        : watch(readinessProbe, 'Readiness', (ok) => {
            this.#isReady = ok;
            this.#context.changed();
            return true;
          }),
      livenessProbe === undefined ? undefined : watch(livenessProbe, 'Liveness', (ok) => ok || kill(livenessProbe)),
    ]);
  }

  async #end(process: ContainerProcess, graceMs: number, turn: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { clock } = this.#context;
    const deadline = clock.now() + graceMs;
    const preStop = this.container.lifecycle?.preStop;
    if (preStop !== undefined && graceMs > 0) {
      const hook = runHook(preStop, this.#target(process), graceMs);
      await Promise.race([hook, process.exited]);
    }
    const late = Promise.withResolvers<void>();
    using _late = clock.after(deadline - clock.now(), late.resolve);
    await Promise.race([turn, process.exited, late.promise]);
    process.signal('SIGTERM');
    using _kill = clock.after(Math.max(deadline - clock.now(), graceMs === 0 ? 0 : leastGraceMs), process.kill);
    await process.exited;
  }

  async #backOff(delayMs: number, exit: ContainerExit): Promise<void> {
    const message = `back-off ${delayMs / 1_000}s restarting failed container=${this.container.name}`;
    this.#context.event('Warning', 'BackOff', `${message}, exit code ${exit.code}`);
    this.waitFor('CrashLoopBackOff', message);
    await pause(this.#context.clock, delayMs, this.#stop.signal).catch(() => undefined);
  }

  #target(process: ContainerProcess): HandlerTarget {
    const { podIp, exec } = this.#context;
    return { podIp, container: this.container, exec: (argv, timeoutMs) => exec(process.pid, argv, timeoutMs) };
  }

  #terminated(exit: ContainerExit, startedAt: number): void {
    const reason = exit.code === 0 ? 'Completed' : 'Error';
    const finishedAt = this.#context.clock.now();
    this.#last = { kind: 'terminated', exitCode: exit.code, reason, startedAt, finishedAt };
    this.#isStarted = false;
    this.#isReady = false;
    this.#setState(this.#last);
  }

  #setState(state: ContainerState): void {
    this.#state = state;
    this.#context.changed();
  }
}
