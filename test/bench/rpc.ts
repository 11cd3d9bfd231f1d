import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a child process can be asked. Each method takes at most one argument. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Answers the parent's calls for as long as it lives. */
export function serve(methods: Methods): void {
  const call = async ({ id, method, argument }: Call): Promise<void> => {
    try {
      const value = await (methods[method] as ((argument: unknown) => unknown) | undefined)?.(argument);
      process.send?.({ id, value } satisfies Answer);
    } catch (thrown) {
      process.send?.({ id, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
    }
  };
  process.on('message', (message) => void call(message as Call));
  process.on('disconnect', () => process.exit());
}

/** A process of the bench. What it logs goes to a file, since writing it is part of its work; shown if it fails. */
export class Child<M extends Methods> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-log-'));
  #next = 1;

  /** `enter` is a command line that runs what follows it somewhere else: in other namespaces, as another user. */
  constructor(
    script: string,
    execArgv: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    enter: readonly string[] = [],
  ) {
    const flags = ['--disable-warning=ExperimentalWarning', ...execArgv];
    const [program = process.execPath, ...words] = enter;
    const log = join(this.#directory, 'log');
    const stderr = openSync(log, 'w');
    this.#process = fork(new URL(script, import.meta.url), [], {
      serialization: 'advanced',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', stderr, 'ipc'],
      execPath: program,
      execArgv: enter.length === 0 ? flags : [...words, process.execPath, ...flags],
    });
    closeSync(stderr);
    this.#process.on('message', (message) => this.#answered(message as Answer));
    this.#process.on('exit', (code, signal) => {
      const last = code === 0 ? '' : readFileSync(log, 'utf8').slice(-4096);
      rmSync(this.#directory, { recursive: true, force: true });
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${script} ended: ${code ?? signal}\n${last}`));
      }
      this.#waiting.clear();
    });
  }

  call<K extends keyof M & string>(method: K, ...argument: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>> {
    const id = this.#next++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#process.send({ id, method, argument: argument[0] } satisfies Call);
    return waiting.promise as Promise<Awaited<ReturnType<M[K]>>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.disconnect();
    await gone;
  }

  #answered({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}
