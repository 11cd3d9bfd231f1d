import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS } from './layers.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

/** All files that are tests by name, wherever they lie. */
export function findTestFiles(project: string = PROJECT): readonly string[] {
  return globSync('{src,scripts,test,examples}/**/*.test.ts', { cwd: project }).sort();
}

/** The files of one folder's layer. */
export function filesIn(folder: string, files: readonly string[]): readonly string[] {
  return files.filter((file) => file.startsWith(`${folder}/`));
}

/** Files that no layer loads, or two do; and files with tests whose name hides them from every layer. */
export function checkTestFiles(project: string = PROJECT): readonly string[] {
  // A layer that runs some files once more, in another way, is not their home.
  const homes = LAYERS.filter((layer) => layer.kind === 'mocha' && Object.keys(layer.env).length === 0);
  const folders = homes.flatMap((layer) => (layer.kind === 'mocha' ? [layer.folder] : []));
  const problems = findTestFiles(project).flatMap((file) => {
    const loaded = folders.filter((folder) => filesIn(folder, [file]).length > 0);
    return loaded.length === 1 ? [] : [`${file}: loaded by ${loaded.length === 0 ? 'no layer' : loaded.join(' and ')}`];
  });
  const others = globSync('{src,scripts,test,examples}/**/*.{ts,mts,js,mjs}', { cwd: project })
    .sort()
    .filter((file) => !file.endsWith('.test.ts'));
  // Inside of a function they are declared for whoever calls it.
  const hidden = others.filter((file) =>
    /^(?:for\b.*\{\s*)?(?:describe|it)\(/m.test(readFileSync(join(project, file), 'utf8')),
  );
  return [...problems, ...hidden.map((file) => `${file}: has tests, but is not named *.test.ts, so no layer loads it`)];
}

if (import.meta.main) {
  const problems = checkTestFiles();
  console.log(problems.join('\n'));
  process.exitCode = problems.length === 0 ? 0 : 1;
}
