import { stat } from 'node:fs/promises';
import { MeshError } from '../lib/errors.ts';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { Catalog } from './catalog.ts';
import type { UnknownKind } from './decode.ts';
import { type FileContent, readContent } from './file-content.ts';
import { lookAtFiles } from './read-file.ts';
import { errorCode, walkTree } from './tree.ts';

/** What a set of files says, for commands that read once. */
export interface ReadPaths {
  /** In force if these files were all there is, ordered by key; broken policies in their fail-closed form. */
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
  readonly unknown: readonly UnknownKind[];
}

/** How {@link readPaths} reads. */
export interface ReadPathsOptions {
  readonly defaultNamespace?: string;
  /** Reads what path `-` stands for. */
  readonly stdin?: () => Promise<string>;
}

/** Reads files, directories (with subfolders) and `-` once, in the same way as a watched directory. */
export async function readPaths(paths: readonly string[], options: ReadPathsOptions = {}): Promise<ReadPaths> {
  const { defaultNamespace } = options;
  const contents = new Map<string, FileContent>();
  const files: string[] = [];
  for (const path of paths) {
    if (path === '-')
      contents.set('<stdin>', readContent('<stdin>', (await options.stdin?.()) ?? '', defaultNamespace));
    else files.push(...(await expand(path)));
  }
  for (const [path, look] of await lookAtFiles(files, defaultNamespace)) {
    if (look.kind === 'gone') throw new MeshError('not-found', `no such file: ${path}`);
    contents.set(path, look.content());
  }
  return combine(contents);
}

/** Reads manifests that are already in memory; `path` is what findings call them. */
export function readText(path: string, text: string, defaultNamespace?: string): ReadPaths {
  return combine(new Map([[path, readContent(path, text, defaultNamespace)]]));
}

function combine(contents: ReadonlyMap<string, FileContent>): ReadPaths {
  const catalog = new Catalog();
  catalog.update(contents);
  return { objects: catalog.objects, findings: catalog.findings, unknown: catalog.unknown };
}

async function expand(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const tree = await walkTree(path, () => undefined);
    const [hidden] = tree.unreadable;
    if (hidden !== undefined)
      throw new MeshError('bad-argument', `can not read directory ${hidden.path} (${hidden.code})`);
    return tree.files.map((file) => file.path);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT')
      throw new MeshError('not-found', `no such file or directory: ${path}`, { cause: thrown });
    throw MeshError.from(thrown, 'bad-argument');
  }
}
