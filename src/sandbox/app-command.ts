import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { appFolder } from './live-files.ts';

/** Turns `httpbin --port 8000` into a command line: an app of the examples, run by this Node; else a program on PATH. */
export async function appCommand(live: string, appDirs: number, words: readonly string[]): Promise<readonly string[]> {
  const [name = '', ...args] = words;
  if (/^[a-z0-9][-a-z0-9]*$/.test(name)) {
    for (let index = 0; index < appDirs; index += 1) {
      const file = join(appFolder(live, index), `${name}.ts`);
      if (await isThere(file)) return [join(live, 'bin', 'node'), file, ...args];
    }
  }
  return words;
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
