import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareText } from '../model/object.ts';

/** Is this the name of a file that holds manifests? Hidden files are none (editors' and kubelet's own files). */
export function isManifestName(name: string): boolean {
  return !name.startsWith('.') && /\.(ya?ml|json)$/.test(name);
}

/** One file of a directory tree, and a stamp that changes whenever its content may have. */
export interface TreeFile {
  readonly path: string;
  readonly stamp: string;
}

/** What stands in a tree: manifests in path order, and every directory (the root included). */
export interface Tree {
  readonly files: readonly TreeFile[];
  readonly directories: readonly string[];
  /** Directories that can't be listed, with the reason: what stands below them is not known. */
  readonly unreadable: readonly { readonly path: string; readonly code: string }[];
}

/** Time, size and inode: equal stamps mean equal content, but for writes within one tick of the file system's clock. */
export function stampOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/** The `code` of a file system error; '' for anything else. */
export function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** Gone, as opposed to there but out of reach. */
export function isGone(code: string): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Called before a directory is listed: a watch that is set there misses nothing that happens after the listing. */
export type Enter = (directory: string, real: string) => void;

type Look = { readonly kind: 'file'; readonly file: TreeFile } | { readonly kind: 'directory'; readonly path: string };

/**
 * Walks a tree. Symbolic links are followed, so that the files of a mounted ConfigMap are seen (`file -> ..data/file`);
 * hidden names are skipped, so that they are seen once (`..data`). Throws if the root is not there.
 */
export async function walkTree(root: string, enter: Enter): Promise<Tree> {
  const files: TreeFile[] = [];
  const directories: string[] = [];
  const unreadable: { path: string; code: string }[] = [];
  const seen = new Set<string>();
  const visit = async (directory: string): Promise<void> => {
    const { dev, ino } = await stat(directory, { bigint: true });
    if (seen.has(`${dev}:${ino}`)) return;
    seen.add(`${dev}:${ino}`);
    const real = await realPath(directory);
    enter(directory, real);
    directories.push(directory);
    const entries = await readdir(directory, { withFileTypes: true });
    const found = (await Promise.all(entries.map((entry) => look(directory, entry)))).filter(
      (each) => each !== undefined,
    );
    for (const each of found) if (each.kind === 'file') files.push(each.file);
    const below = found.flatMap((each) => (each.kind === 'directory' ? [each.path] : []));
    for (const path of below.sort(compareText)) await visitBelow(path);
  };
  const visitBelow = async (path: string): Promise<void> => {
    try {
      await visit(path);
    } catch (thrown) {
      const code = errorCode(thrown);
      if (!isGone(code)) unreadable.push({ path, code });
    }
  };
  await visit(root);
  return { files: files.sort((a, b) => compareText(a.path, b.path)), directories, unreadable };
}

/**
 * A sandbox's configuration is seen through `/proc/<pid>/root`, a link into another mount namespace: it can be walked, and has no
 * path here that `realpath` could give.
 */
async function realPath(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (thrown) {
    if (errorCode(thrown) === 'ELOOP') return directory;
    throw thrown;
  }
}

async function look(directory: string, entry: Dirent): Promise<Look | undefined> {
  if (entry.name.startsWith('.')) return undefined;
  const path = join(directory, entry.name);
  const manifest = isManifestName(entry.name);
  if (!manifest && !entry.isDirectory() && !entry.isSymbolicLink()) return undefined;
  try {
    const stats = await stat(path, { bigint: true });
    if (stats.isDirectory()) return { kind: 'directory', path };
    return manifest && stats.isFile() ? { kind: 'file', file: { path, stamp: stampOf(stats) } } : undefined;
  } catch (thrown) {
    const code = errorCode(thrown);
    return isGone(code) || !manifest ? undefined : { kind: 'file', file: { path, stamp: `error:${code}` } };
  }
}
