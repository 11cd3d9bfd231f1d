import type { MeshError } from '../lib/errors.ts';
import type { CliContext, ExitCode } from './context.ts';

/** An unusable argument is wrong usage; everything else failed at what it was asked for (product.md, command line). */
export function exitCodeOf(error: MeshError): ExitCode {
  return error.code === 'bad-argument' ? 2 : 1;
}

/**
 * `coxswain: <message>` and a hint line. A stack only for bugs, or for people who asked for one with COXSWAIN_DEBUG: it
 * tells an operator nothing, and may quote arguments.
 */
export function reportError(error: MeshError, context: Pick<CliContext, 'stderr' | 'env'>): void {
  context.stderr(`coxswain: ${error.message}\n`);
  if (error.hint !== undefined && error.hint !== '') context.stderr(`  hint: ${error.hint}\n`);
  const debug = (context.env['COXSWAIN_DEBUG'] ?? '') !== '';
  if (debug) context.stderr(`${stackOf(error)}\n`);
  else if (error.code === 'internal')
    context.stderr('  hint: this looks like a bug; COXSWAIN_DEBUG=1 shows where it happened\n');
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
