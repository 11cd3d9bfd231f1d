import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECK, LAYERS, type Layer } from './layers.ts';
import { add, failure, NOTHING, type Result } from './result.ts';
import { runLayer } from './run-layer.ts';

const USAGE = `usage: node test/run/main.ts [--layer NAME]... [--group check] [--grep TEXT] [--list]

Runs all layers of tests, or those named; goes on after a failed one; the last line adds them all up.`;

function choose(names: readonly string[], group: string | undefined): readonly Layer[] {
  const unknown = names.filter((name) => LAYERS.every((layer) => layer.name !== name));
  if (unknown.length > 0 || (group !== undefined && group !== 'check')) {
    console.error(`no such layer: ${unknown.join(', ') || group}\n${USAGE}`);
    process.exit(2);
  }
  return LAYERS.filter((layer) =>
    names.length > 0 ? names.includes(layer.name) : group === undefined || CHECK.has(layer.name),
  );
}

async function runAll(layers: readonly Layer[], grep: string | undefined): Promise<Result> {
  let sum = NOTHING;
  for (const layer of layers) {
    console.log(`\n── ${layer.name} ${'─'.repeat(60 - layer.name.length)}`);
    const start = performance.now();
    const result = await runLayer(layer, grep);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (result === undefined) {
      console.log('   none yet');
    } else {
      result.notes.forEach((note) => console.log(`   ${note}`));
      const pending = result.pending > 0 ? `, ${result.pending} pending` : '';
      const verdict = result.failed > 0 ? 'FAILED' : 'ok';
      console.log(`   ${verdict}: ${result.passed} passed, ${result.failed} failed${pending} in ${seconds} s`);
      sum = add(sum, result);
    }
  }
  return sum.passed + sum.failed === 0 ? failure('nothing ran') : sum;
}

const { values } = parseArgs({
  options: {
    grep: { type: 'string' },
    group: { type: 'string' },
    layer: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
  },
});
const project = join(import.meta.dirname, '..', '..');
process.chdir(project);
process.env['PATH'] =
  `${join(project, '.tools/bin')}:${join(project, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
// Hundreds of short processes: what was compiled once is kept for all of them.
process.env['NODE_COMPILE_CACHE'] ??= join(project, '.tools/cache/compile');

const layers = choose(values.layer, values.group);
if (values.list) {
  console.log(layers.map(({ name }) => name).join('\n'));
} else {
  const { passed, failed } = await runAll(layers, values.grep);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
