import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { MeshError } from '../lib/errors.ts';
import { readDocuments } from './documents.ts';
import type { ManifestDocument } from './manifest-document.ts';

/** Manifests: a file or folder of YAML, or the text itself. */
export type ManifestSource = string | { readonly file: string; readonly yaml: string };

/** An example on disk: what runs, which apps it may name, and its mesh settings if it has any. */
export interface Example {
  readonly name: string;
  readonly manifests: readonly string[];
  readonly appDirs: readonly string[];
  readonly meshFile: string | undefined;
}

/**
 * Finds an example: a folder by its path, or by its name among those that come with Coxswain. What runs is in its
 * `manifests/`, or in the folder itself; `policies/` beside it is for the user to apply.
 */
export async function findExample(nameOrDir: string, examplesDir: string): Promise<Example> {
  const byName = join(examplesDir, nameOrDir);
  const isName = /^[a-z0-9][-a-z0-9]*$/.test(nameOrDir);
  const dir = isName && (await isFolder(byName)) ? byName : resolve(nameOrDir);
  if (!(await isFolder(dir))) {
    throw new MeshError('not-found', `no example ${JSON.stringify(nameOrDir)}`, {
      hint: `a folder, or one of ${(await exampleNames(examplesDir)).join(', ')}`,
    });
  }
  const manifests = join(dir, 'manifests');
  const own = join(dir, 'apps');
  const mesh = join(dir, 'mesh.yaml');
  return {
    name: basename(dir).toLowerCase(),
    manifests: [(await isFolder(manifests)) ? manifests : dir],
    appDirs: [...((await isFolder(own)) ? [own] : []), join(examplesDir, 'apps')],
    meshFile: (await isFile(mesh)) ? mesh : undefined,
  };
}

/** The examples that come with Coxswain. */
export async function exampleNames(examplesDir: string): Promise<readonly string[]> {
  const entries = await readdir(examplesDir, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((each) => each.isDirectory()).map((each) => each.name);
  const found = await Promise.all(
    folders.map(async (name) => ((await isFolder(join(examplesDir, name, 'manifests'))) ? [name] : [])),
  );
  return found.flat().sort();
}

/** Reads manifests in the order of their names. `mesh.yaml` holds settings, not objects. */
export async function readManifests(
  sources: readonly ManifestSource[],
  namespace?: string,
): Promise<readonly ManifestDocument[]> {
  const documents: ManifestDocument[] = [];
  for (const source of sources) {
    if (typeof source !== 'string') {
      documents.push(...readDocuments(source.file, source.yaml, namespace));
      continue;
    }
    for (const file of await filesOf(source)) {
      documents.push(...readDocuments(file, await readFile(file, 'utf8'), namespace));
    }
  }
  return documents;
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await isFolder(path))) {
    if (await isFile(path)) return [path];
    throw new MeshError('not-found', `no file or folder ${path}`);
  }
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name) && name !== 'mesh.yaml').sort();
  if (names.length === 0)
    throw new MeshError('not-found', `no manifests in ${path}`, { hint: 'files that end in .yaml' });
  return names.map((name) => join(path, name));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
