import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSources } from './rules/check.ts';

// Layers rot in silence: this is what makes a wrong import, a cycle or an impure translator fail the build.
const src = join(import.meta.dirname, '..', 'src');
const paths = globSync('**/*.ts', { cwd: src }).sort();
const problems = checkSources(new Map(paths.map((path) => [path, readFileSync(join(src, path), 'utf8')])));

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`import and purity rules hold in ${paths.length} files`);
}
