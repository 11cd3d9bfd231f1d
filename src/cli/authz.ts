import { Command } from 'commander';
import { checkCommand } from './authz/check.ts';
import { explainCommand } from './authz/explain.ts';
import { shadowCommand } from './authz/shadow.ts';
import type { CliContext } from './context.ts';

/** `coxswain authz`: what authorization means for one call, for one workload, and what a dry run would change. */
export function authzCommand(context: CliContext): Command {
  return new Command('authz')
    .usage('<check|explain|shadow> [options]')
    .addCommand(checkCommand(context))
    .addCommand(explainCommand(context))
    .addCommand(shadowCommand(context));
}
