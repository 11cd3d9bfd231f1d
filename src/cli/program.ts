import { Command, CommanderError } from 'commander';
import { MeshError } from '../lib/errors.ts';
import { commands, findCommand } from './commands.ts';
import type { CliContext, CliIo } from './context.ts';
import { exitCodeOf, reportError } from './errors.ts';

/**
 * Runs one command line (without the `node script` part) and gives its exit code. Only the module of the command that is
 * named gets loaded; `--help` loads none.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode = 0;
  const context: CliContext = {
    ...io,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  const words = wordsOf(argv);
  try {
    const program = await buildProgram(words, context);
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    if (context.signal.aborted) return 130;
    const error = MeshError.from(thrown);
    reportError(error, context);
    return exitCodeOf(error);
  }
}

/** `help serve` is `serve --help`, and `--version` is `version`: one place for each. */
function wordsOf(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === 'help') return [...rest.filter((word) => !word.startsWith('-')), '--help'];
  if (first === '-V' || first === '--version') return ['version', ...rest];
  return argv;
}

async function buildProgram(words: readonly string[], context: CliContext): Promise<Command> {
  const program = new Command('coxswain')
    .description('A zero-trust control plane for stock Envoy.')
    .usage('<command> [options]')
    .option('-V, --version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', '\nRun `coxswain <command> --help` for the flags of a command.');
  const named = words.find((word) => !word.startsWith('-'));
  const chosen = named === undefined ? undefined : findCommand(named);
  for (const entry of commands) {
    const command = entry === chosen ? (await entry.load())(context) : new Command(entry.name);
    program.addCommand(command.description(entry.summary).aliases([...entry.aliases]));
  }
  configure(program, context);
  return program;
}

/** Settings that commander hands down only to commands it made itself. */
function configure(command: Command, context: CliContext): void {
  command
    .exitOverride()
    .showHelpAfterError(false)
    .showSuggestionAfterError(true)
    .configureHelp({ sortOptions: false })
    .configureOutput({
      writeOut: context.stdout,
      writeErr: context.stderr,
      getOutHasColors: () => context.color,
      getErrHasColors: () => false,
      outputError: (text, write) => {
        write(`coxswain: ${text.replace(/^error: /, '').trimEnd()}\n`);
        write(`  hint: see \`${commandPath(command)} --help\`\n`);
      },
    });
  for (const child of command.commands) configure(child, context);
}

function commandPath(command: Command): string {
  const names: string[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) names.unshift(each.name());
  return names.join(' ');
}
