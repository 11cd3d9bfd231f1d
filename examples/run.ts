import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { styleText } from 'node:util';
import { systemClock } from '../src/lib/clock.ts';
import { type Page, runPage, type Tally } from './runner/run-example.ts';
import { openRoom } from './runner/run-room.ts';

/**
 * `make examples`: the README of each example is its test. Runs what its console blocks show as typed, compares what they
 * show as seen, and ends with `examples: N of N as expected`. Names as arguments choose examples.
 */
const examples = import.meta.dirname;
const repository = join(examples, '..');

/** Every folder that has manifests is an example, and owes a page. */
async function findPages(chosen: readonly string[]): Promise<readonly Page[]> {
  const entries = await readdir(examples, { withFileTypes: true, recursive: true });
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name === 'manifests');
  const names = folders.map((entry) => relative(examples, entry.parentPath)).sort();
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no example ${unknown.join(', ')}: choose from ${names.join(', ')}`);
  return await Promise.all(
    names
      .filter((name) => chosen.length === 0 || chosen.includes(name))
      .map(async (example) => {
        const file = join(examples, example, 'README.md');
        return { example, path: relative(repository, file), markdown: await readFile(file, 'utf8').catch(() => '') };
      }),
  );
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)));
}

const total = { steps: 0, asExpected: 0 };
try {
  for (const page of await findPages(process.argv.slice(2))) {
    await using room = await openRoom(repository, interrupt.signal);
    const runner = { clock: systemClock, patienceMs: 5_000, signal: interrupt.signal, run: room.run };
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
