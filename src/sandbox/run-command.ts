import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { MeshError } from '../lib/errors.ts';

/** How a program ended and what it printed. */
export interface CommandResult {
  /** Exit status; 128 + n if signal n ended it, as a shell has it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Input, time and environment of a program; our own environment by default. */
export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end and keeps what it prints. It gets a process group of its own, which a time-out kills whole:
 * `nsenter` forks when it enters a process namespace, and its child would live on.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => killGroup(child.pid, 'SIGKILL'), options.timeoutMs);
  try {
    child.stdin.on('error', () => {
      // The program may end without reading its input; its exit status tells what matters.
    });
    child.stdin.end(options.input ?? '');
    const ended = once(child, 'close');
    const [stdout, stderr, [code, signal]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
    return { code: exitStatus(code, signal), stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') };
  } catch (thrown) {
    throw startFailure(program, thrown);
  } finally {
    clearTimeout(timer);
  }
}

/** Like {@link runCommand}, for programs that must succeed. */
export async function runChecked(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(0, 2_000);
  throw new MeshError('internal', `${argv[0]} failed with status ${result.code}${said === '' ? '' : `: ${said}`}`);
}

/** Sends a signal to a process group; true if there was one. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false; // ESRCH: already gone, which is what a kill is for
  }
}

/** A program that is not there is the user's to install; all else is unexpected. */
export function startFailure(program: string, thrown: unknown): MeshError {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') {
    return new MeshError('missing-tool', `${program} is not installed`, { cause: thrown });
  }
  return MeshError.from(thrown, 'unavailable');
}

function exitStatus(code: unknown, signal: unknown): number {
  if (typeof code === 'number') return code;
  return signal === 'SIGTERM' ? 143 : signal === 'SIGINT' ? 130 : 137;
}
