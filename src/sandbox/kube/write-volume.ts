import { chmod, chown, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFile, VolumeFiles } from './volume-files.ts';

/** Who may read the files of a volume. */
export interface VolumeOwner {
  /** The user that all containers of the pod run as, if it is one: then tokens are that user's alone. */
  readonly uid: number | undefined;
  readonly fsGroup: number | undefined;
}

/** The files that were written last, so that nothing is written twice. */
export interface WrittenVolume {
  readonly files: VolumeFiles;
  readonly version: number;
}

/**
 * Brings a volume's folder up to date in one step, as the kubelet does: files lie in a folder of their own, `..data` is a
 * link to it that is replaced by a rename, and the names that containers see lead through that link. So a reader, and a
 * watcher of the folder, meets the old set or the new one.
 */
export async function writeVolume(
  dir: string,
  files: VolumeFiles,
  owner: VolumeOwner,
  before: WrittenVolume | undefined,
): Promise<WrittenVolume> {
  if (before !== undefined && sameFiles(before.files, files)) return before;
  const version = (before?.version ?? 0) + 1;
  const data = `..data-${version}`;
  await mkdir(join(dir, data), { recursive: true, mode: 0o755 });
  for (const [path, file] of files) {
    const target = join(dir, data, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, file.content, { mode: 0o600 });
    await setAccess(target, file, owner);
  }
  await symlink(data, join(dir, '..data_tmp'));
  await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  const names = topNames(files);
  const old = before === undefined ? new Set<string>() : topNames(before.files);
  for (const name of names) if (!old.has(name)) await symlink(join('..data', name), join(dir, name));
  for (const name of old) if (!names.has(name)) await rm(join(dir, name), { force: true });
  if (before !== undefined) await rm(join(dir, `..data-${before.version}`), { recursive: true, force: true });
  return { files, version };
}

/** Modes of tokens as the kubelet sets them (pkg/volume/projected): the one user's alone, else the group's, else everybody's. */
async function setAccess(path: string, { mode, token }: VolumeFile, { uid, fsGroup }: VolumeOwner): Promise<void> {
  if (fsGroup !== undefined) {
    await chown(path, 0, fsGroup);
    await chmod(path, (token ? 0o600 : mode) | 0o440);
  } else if (!token) {
    await chmod(path, mode);
  } else if (uid === undefined) {
    await chmod(path, 0o644);
  } else {
    await chown(path, uid, 0);
    await chmod(path, mode);
  }
}

function topNames(files: VolumeFiles): ReadonlySet<string> {
  return new Set([...files.keys()].map((path) => path.split('/')[0] ?? path));
}

function sameFiles(a: VolumeFiles, b: VolumeFiles): boolean {
  return (
    a.size === b.size &&
    [...a].every(([path, file]) => {
      const other = b.get(path);
      return other !== undefined && other.mode === file.mode && other.content.equals(file.content);
    })
  );
}
