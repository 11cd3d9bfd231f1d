import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { type Patience, poll } from './poll.ts';
import { killGroup } from './run-command.ts';

/** How to run a process that should always be there. */
export interface ProcessSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'running'; readonly child: ChildProcess; readonly since: number }
  | { readonly kind: 'waiting'; readonly timer: Disposable };

const firstDelayMs = 500;
const longestDelayMs = 10_000;
/** A process that ran this long starts again from the first delay. */
const steadyMs = 10_000;

/** Keeps a program running as a kubelet does: started again when it ends by itself, later each time; left down when stopped. */
export class KeptProcess {
  readonly spec: ProcessSpec;
  readonly #clock: Clock;
  #state: State = { kind: 'stopped' };
  #delayMs = firstDelayMs;
  #restarts = 0;

  constructor(spec: ProcessSpec, clock: Clock) {
    this.spec = spec;
    this.#clock = clock;
  }

  get running(): boolean {
    return this.#state.kind === 'running';
  }

  /** How often it ended by itself. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    if (this.#state.kind === 'running') return;
    if (this.#state.kind === 'waiting') this.#state.timer[Symbol.dispose]();
    const [program = '', ...args] = this.spec.argv;
    const log = openSync(this.spec.logFile, 'a', 0o600);
    const child = spawn(program, args, { stdio: ['ignore', log, log], detached: true, env: this.spec.env });
    closeSync(log);
    this.#state = { kind: 'running', child, since: this.#clock.now() };
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      this.#ended(child);
    };
    child.once('exit', end);
    child.once('error', end);
  }

  /** Ends it and keeps it down until the next {@link start}. */
  async stop(signal: NodeJS.Signals, patience: Patience): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    if (state.kind === 'waiting') state.timer[Symbol.dispose]();
    if (state.kind !== 'running') return;
    const { pid } = state.child;
    killGroup(pid, signal);
    await poll(`${this.spec.name} to end`, () => (killGroup(pid, 0) ? undefined : true), patience);
  }

  /** Fails at once if it is not running, so that waiting for its port ends with its own words instead of a time-out. */
  assertRunning(): void {
    if (this.#state.kind === 'running') return;
    throw new MeshError('unavailable', `${this.spec.name} ended`, { hint: `its log: ${this.spec.logFile}` });
  }

  #ended(child: ChildProcess): void {
    const state = this.#state;
    if (state.kind !== 'running' || state.child !== child) return;
    if (this.#clock.now() - state.since >= steadyMs) this.#delayMs = firstDelayMs;
    this.#restarts += 1;
    this.#state = { kind: 'waiting', timer: this.#clock.after(this.#delayMs, () => this.start()) };
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs);
  }
}
