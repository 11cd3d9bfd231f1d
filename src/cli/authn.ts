import { Command } from 'commander';
import { tlsCheckCommand } from './authn/tls-check.ts';
import type { CliContext } from './context.ts';

/** `coxswain authn`: how the two sides of a connection prove who they are. */
export function authnCommand(context: CliContext): Command {
  return new Command('authn').usage('<tls-check> [options]').addCommand(tlsCheckCommand(context));
}
