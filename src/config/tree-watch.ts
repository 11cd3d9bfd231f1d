import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isManifestName } from './tree.ts';

/** What the watch saw: a manifest was touched, or anything else happened and only a walk can tell. */
export type TreeSign = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'tree' };

interface Watched {
  readonly real: string;
  readonly watcher: FSWatcher;
}

/**
 * Watches on the directories of one tree, and on the name of its root. Each directory has its own (recursive watches of
 * Node walk the tree once more, and follow no links).
 */
export class TreeWatch implements Disposable {
  readonly #watched = new Map<string, Watched>();
  readonly #root: string;
  readonly #signal: (sign: TreeSign) => void;
  readonly #failed: (error: unknown) => void;
  #above: FSWatcher | undefined;
  #disposed = false;

  /** `failed` hears of a watch that can't be set (too many, say): the caller must look by itself from then on. */
  constructor(root: string, signal: (sign: TreeSign) => void, failed: (error: unknown) => void) {
    this.#root = root;
    this.#signal = signal;
    this.#failed = failed;
  }

  /** Watches a directory, unless it is watched and still the same. */
  add(directory: string, real: string): void {
    if (this.#disposed) return;
    if (directory === this.#root) this.#watchAbove();
    if (this.#watched.get(directory)?.real === real) return;
    this.#drop(directory);
    try {
      const watcher = watch(directory, (event, name) => this.#happened(directory, event, name));
      watcher.on('error', () => {
        this.#drop(directory);
        this.#signal({ kind: 'tree' });
      });
      this.#watched.set(directory, { real, watcher });
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Ends the watches on directories that are none any more. */
  keepOnly(directories: readonly string[]): void {
    const known = new Set(directories);
    for (const directory of [...this.#watched.keys()]) if (!known.has(directory)) this.#drop(directory);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.keepOnly([]);
    this.#above?.close();
    this.#above = undefined;
  }

  /** The root may be a link that is switched, or be removed and made again: only its parent tells. */
  #watchAbove(): void {
    const root = resolve(this.#root);
    if (this.#above !== undefined || dirname(root) === root) return;
    try {
      this.#above = watch(dirname(root), (_event, name) => {
        if (name === null || name === basename(root)) this.#signal({ kind: 'tree' });
      });
      this.#above.on('error', () => {
        this.#above?.close();
        this.#above = undefined;
      });
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #happened(directory: string, event: string, name: string | null): void {
    const wasDirectory = name !== null && this.#watched.has(join(directory, name));
    // A directory that is removed or moved reports its own name; its watch is dead then, whatever comes in its place.
    if (event === 'rename' && name !== null) {
      if (name === basename(directory)) this.#drop(directory);
      this.#drop(join(directory, name));
    }
    if (name !== null && isManifestName(name)) this.#signal({ kind: 'file', path: join(directory, name) });
    else if (name === null || name.startsWith('..') || wasDirectory) this.#signal({ kind: 'tree' });
    // Drafts of editors (`sedXyZ`, `4913`) come and go beside what they edit: a walk for each would cost more than all else.
    else if (!name.startsWith('.') && isDirectory(join(directory, name))) this.#signal({ kind: 'tree' });
  }

  #drop(directory: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return true;
  }
}
