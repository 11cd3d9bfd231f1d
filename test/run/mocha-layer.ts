import './setup.ts';
import { relative, resolve } from 'node:path';
import Mocha from 'mocha';
import { LAYERS } from './layers.ts';
import type { Result } from './result.ts';

// Runs files of one layer in this process, and tells the process that forked it what came of it.
const [name, grep = '', ...files] = process.argv.slice(2);
const layer = LAYERS.find((candidate) => candidate.name === name);
if (layer?.kind !== 'mocha') {
  throw new Error(`no such mocha layer: ${name}`);
}

const mocha = new Mocha({
  forbidOnly: true,
  forbidPending: process.env['CI'] === 'true',
  reporter: layer.reporter,
  timeout: layer.timeoutSeconds * 1000,
  ...(grep === '' ? {} : { grep }),
});
files.forEach((file) => mocha.addFile(resolve(file)));
await mocha.loadFilesAsync();
const loaded = countTests(mocha.suite);
const empty = files.filter((file) => !loaded.has(file));

const runner = mocha.run((failures) => {
  const result: Result = {
    passed: runner.stats?.passes ?? 0,
    failed: failures + empty.length,
    pending: runner.stats?.pending ?? 0,
    notes: [...empty.map((file) => `${file} holds no test`), ...(files.length === 0 ? ['no test files'] : [])],
  };
  process.send?.(result, undefined, undefined, () => process.disconnect?.());
});

/** How many tests each file brought. */
function countTests(suite: Mocha.Suite, counts: Map<string, number> = new Map()): ReadonlyMap<string, number> {
  for (const test of suite.tests) {
    const file = relative(process.cwd(), test.file ?? '');
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  suite.suites.forEach((child) => countTests(child, counts));
  return counts;
}
