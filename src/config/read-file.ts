import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { contentVersion } from '../lib/hash.ts';
import { type FileContent, maxFileSize, readContent, unreadableFile } from './file-content.ts';
import { errorCode, isGone } from './tree.ts';

/** One look at a file. `version` tells whether anything changed since the last look. */
export type FileLook =
  | { readonly kind: 'gone'; readonly version: string }
  | { readonly kind: 'read'; readonly version: string; readonly content: () => FileContent };

const gone: FileLook = { kind: 'gone', version: 'gone' };

/** Looks at a manifest file; its content is parsed only if asked for. */
export async function lookAtFile(path: string, defaultNamespace?: string): Promise<FileLook> {
  try {
    // Not blocking: a pipe without a writer would never open, and hold up all that comes after it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return gone; // what the walk of the tree says of pipes and devices, too
    const bytes = await readBounded(file);
    if (bytes === undefined) {
      return unreadable('size', () =>
        unreadableFile(path, 'file-too-large', 'the file is larger than 8 MiB', 'split it'),
      );
    }
    if (!isUtf8(bytes))
      return unreadable('utf8', () =>
        unreadableFile(path, 'not-utf8', 'the file is not UTF-8 text', 'save it as UTF-8'),
      );
    return {
      kind: 'read',
      version: contentVersion(bytes),
      content: () => readContent(path, bytes.toString('utf8'), defaultNamespace),
    };
  } catch (thrown) {
    const code = errorCode(thrown);
    // ENXIO: a socket, which can't be opened at all.
    if (isGone(code) || code === 'EISDIR' || code === 'ENXIO') return gone;
    if (code === '') throw thrown;
    return unreadable(code, () =>
      unreadableFile(path, 'unreadable-file', `the file can not be read (${code})`, 'check its owner and mode'),
    );
  }
}

/** The whole file, or undefined if it is too large: what counts is what is read, since a size may lie or grow. */
async function readBounded(file: FileHandle): Promise<Buffer | undefined> {
  const { size } = await file.stat();
  if (size > maxFileSize) return undefined;
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const chunk = Buffer.allocUnsafe(total < size ? size - total + 1 : 65_536);
    const { bytesRead } = await file.read(chunk);
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > maxFileSize) return undefined;
    chunks.push(chunk.subarray(0, bytesRead));
  }
}

function unreadable(reason: string, content: () => FileContent): FileLook {
  return { kind: 'read', version: `error:${reason}`, content };
}

/** Looks at many files, a few at a time. */
export async function lookAtFiles(
  paths: readonly string[],
  defaultNamespace?: string,
): Promise<ReadonlyMap<string, FileLook>> {
  const looks = new Map<string, FileLook>();
  const queue = paths.values();
  const worker = async (): Promise<void> => {
    for (const path of queue) looks.set(path, await lookAtFile(path, defaultNamespace));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return looks;
}
