import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';

export type EnvoyLogLevel = 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';

export interface EnvoyOptions {
  readonly binary: string;
  readonly bootstrapFile: string;
  readonly logLevel: EnvoyLogLevel;
  /** Without it, the log goes to the standard error of who starts it. */
  readonly logFile?: string;
  /** Worker threads. */
  readonly concurrency: number;
  /** How long connections of a changed filter chain may go on. Short: a tightened policy waits for no one. */
  readonly drainSeconds: number;
  /** A command that runs it elsewhere and ends as it (`nsenter …`, `setpriv …`), program first. */
  readonly wrapper?: readonly string[];
}

/**
 * The command line. No hot restart: it leaves shared memory behind, and two Envoys in one network namespace would
 * dispute over its socket. Draining is immediate, not spread over the drain time.
 */
export function envoyCommand(options: EnvoyOptions): readonly [string, ...string[]] {
  const flags = [
    ...['--config-path', options.bootstrapFile],
    '--disable-hot-restart',
    ...['--concurrency', String(options.concurrency)],
    ...['--drain-time-s', String(options.drainSeconds)],
    ...['--drain-strategy', 'immediate'],
    // A line of an access log is seen after a second, not after ten.
    ...['--file-flush-interval-msec', '1000'],
    ...['--log-level', options.logLevel],
    ...['--log-format', '%Y-%m-%dT%T.%fZ %l %n %v'],
    ...(options.logFile === undefined ? [] : ['--log-path', options.logFile]),
  ];
  const [program, ...before] = options.wrapper ?? [];
  return program === undefined ? [options.binary, ...flags] : [program, ...before, options.binary, ...flags];
}

/** How a process ended. */
export type EnvoyExit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly error: MeshError };

/** A running Envoy; disposing stops it. */
export interface EnvoyProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when it ended, for whatever reason. Never rejects. */
  readonly exited: Promise<EnvoyExit>;
  /** Asks it to end, and makes it after `graceMs`. */
  stop(graceMs?: number): Promise<EnvoyExit>;
}

const defaultGraceMs = 5000;

/** Starts Envoy with an environment that holds PATH alone: what the parent was told is none of its business. */
export async function startEnvoy(options: EnvoyOptions, clock: Clock): Promise<EnvoyProcess> {
  const [program, ...args] = envoyCommand(options);
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', options.logFile === undefined ? 'inherit' : 'ignore'],
  });
  const exited = exitOf(child);
  const { pid } = child;
  if (pid === undefined) {
    const exit = await exited;
    throw exit.kind === 'not-started' ? exit.error : new MeshError('internal', 'envoy has no process id');
  }
  const stop = async (graceMs = defaultGraceMs): Promise<EnvoyExit> => {
    child.kill('SIGTERM');
    using _ = clock.after(graceMs, () => child.kill('SIGKILL'));
    return await exited;
  };
  return {
    pid,
    exited,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function exitOf(child: ChildProcess): Promise<EnvoyExit> {
  const { promise, resolve } = Promise.withResolvers<EnvoyExit>();
  child.once('error', (thrown: NodeJS.ErrnoException) => {
    const error =
      thrown.code === 'ENOENT'
        ? new MeshError('missing-tool', `${child.spawnfile} is not installed`, { cause: thrown })
        : MeshError.from(thrown, 'unavailable');
    resolve({ kind: 'not-started', error });
  });
  child.once('exit', (code, signal) => {
    resolve(signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal });
  });
  return promise;
}
