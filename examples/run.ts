import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { systemClock } from '../src/lib/clock.ts';
import { findPages } from './runner/find-pages.ts';
import { runPage, type Tally } from './runner/run-example.ts';
import { openRoom } from './runner/run-room.ts';

/**
 * `make examples`: the README of each example is its test. Runs what its console blocks show as typed, compares what they
 * show as seen, and ends with `examples: N of N as expected`. Names as arguments choose examples. Pages that need Kubernetes
 * are run with `--kube`, and then no others.
 */
const examples = import.meta.dirname;
const repository = join(examples, '..');

/** How long a command that only reads is repeated: an edit takes milliseconds to hold on the wire, */
const patienceMs = 5_000;
/** and in a cluster there are pods to start, and conditions of which numbers are written twice a minute. */
const kubePatienceMs = 45_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)));
}

const total = { steps: 0, asExpected: 0 };
try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { kube: { type: 'boolean' } } });
  const kube = values.kube === true;
  const { chosen, skipped } = await findPages(examples, positionals, kube);
  for (const { path } of skipped) print(styleText('dim', `${path} needs Kubernetes: node examples/run.ts --kube`));
  for (const page of chosen) {
    await using room = await openRoom(repository, interrupt.signal);
    const runner = {
      clock: systemClock,
      patienceMs: kube ? kubePatienceMs : patienceMs,
      signal: interrupt.signal,
      run: room.run,
    };
    const tally: Tally = await runPage(page, runner, print);
    total.steps += tally.steps;
    total.asExpected += tally.asExpected;
  }
} catch (thrown) {
  total.steps += 1;
  print(styleText('red', `\n✗ ${thrown instanceof Error ? thrown.message : String(thrown)}`));
}
const all = total.steps > 0 && total.asExpected === total.steps;
print(`\n${styleText(all ? 'green' : 'red', `examples: ${total.asExpected} of ${total.steps} as expected`)}`);
process.exitCode = all ? 0 : 1;
