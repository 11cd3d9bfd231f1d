import { run } from './cli/program.ts';

/** Colours only where somebody looks: a terminal, without NO_COLOR (no-color.org). */
function wantsColor(env: NodeJS.ProcessEnv, terminal: boolean): boolean {
  return terminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** argv → command → exit code. The only place that touches `process`. */
async function main(): Promise<void> {
  const stopping = new AbortController();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      // Asked twice: whatever is still waiting has had its chance to end well.
      if (stopping.signal.aborted) process.exit(code);
      stopping.abort(signal);
    });
  }
  // The reader went away (`coxswain … | head`): there is nobody left to write for.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  const terminal = process.stdout.isTTY === true;
  process.exitCode = await run(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: async () => (await import('node:stream/consumers')).text(process.stdin),
    env: process.env,
    signal: stopping.signal,
    color: wantsColor(process.env, terminal),
    terminal,
    now: () => Date.now(),
  });
}

await main();
