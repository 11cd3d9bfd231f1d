import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MeshError } from '../lib/errors.ts';

/** What others may do with a file, in its mode. */
const othersAny = 0o077;
const othersWrite = 0o022;

/** The names in a directory, sorted; none where there is no directory. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return [];
    throw MeshError.from(thrown, 'unavailable');
  }
}

/**
 * Makes a directory with all its files at once, for the owner alone: whoever sees the directory sees it whole, and a
 * process that dies half-way leaves no half of a key pair. Gives false where somebody else was first; theirs stays.
 */
export async function createPrivateDirectory(
  parent: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<boolean> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const temporary = join(parent, `.${name}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(temporary, { mode: 0o700 });
    for (const [file, text] of Object.entries(files)) await writeThrough(join(temporary, file), text);
    await rename(temporary, join(parent, name));
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOTEMPTY' || codeOf(thrown) === 'EEXIST') return false;
    throw MeshError.from(thrown, 'unavailable');
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
}

/**
 * Replaces a file in one step, with the given mode and owner. The rename matters: Envoy watches for a moved-in file and
 * doesn't see one that is overwritten in place.
 */
export async function replaceFile(
  path: string,
  text: string,
  options: { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } | undefined },
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    {
      await using file = await open(temporary, 'wx', 0o600);
      if (options.owner !== undefined) await file.chown(options.owner.uid, options.owner.gid);
      await file.writeFile(text);
      await file.sync();
    }
    await chmod(temporary, options.mode);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw MeshError.from(thrown, 'unavailable');
  }
}

/** Reads a file that must be its owner's secret; one that others may read is refused, since they may have done so. */
export async function readPrivateFile(path: string): Promise<string> {
  const [file, directory] = await Promise.all([stat(path), stat(join(path, '..'))]).catch((thrown: unknown) => {
    throw MeshError.from(thrown, 'unavailable');
  });
  const owners = [0, process.geteuid?.() ?? 0];
  for (const [place, { uid }] of [
    [path, file],
    [join(path, '..'), directory],
  ] as const) {
    if (!owners.includes(uid)) {
      throw new MeshError('bad-argument', `${place} belongs to user ${uid}, who may know or replace the private key`, {
        hint: 'use a directory of your own; take over only keys that you made',
      });
    }
  }
  if ((file.mode & othersAny) !== 0) {
    throw new MeshError(
      'bad-argument',
      `${path} holds a private key and is open to others (mode ${modeText(file.mode)})`,
      {
        hint: `chmod 600 ${path}, if nobody can have read it; else replace the key`,
      },
    );
  }
  if ((directory.mode & othersWrite) !== 0) {
    throw new MeshError(
      'bad-argument',
      `others may replace ${basename(path)}: its directory has mode ${modeText(directory.mode)}`,
      {
        hint: `chmod 700 ${join(path, '..')}`,
      },
    );
  }
  return readText(path);
}

/** Reads a file as text. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw MeshError.from(thrown, 'unavailable');
  }
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
