import { MeshError } from '../lib/errors.ts';
import type { Finding } from '../model/finding.ts';
import { Catalog, type FileChange, keepMissing } from './catalog.ts';
import type { FileContent } from './file-content.ts';
import type { Work } from './pending.ts';
import { type FileLook, lookAtFiles } from './read-file.ts';
import type { SourceEvent } from './source.ts';
import { errorCode, isGone, type Tree, walkTree } from './tree.ts';
import type { TreeWatch } from './tree-watch.ts';

/** What a {@link DirectoryReader} works with. */
export interface DirectoryReaderContext {
  readonly watch: TreeWatch;
  readonly now: () => number;
  readonly settleMs: number;
  readonly defaultNamespace: string | undefined;
  /** Asks for another look at a file, `settleMs` from now. */
  readonly lookAgain: (path: string) => void;
}

/** A file that is gone or has lost objects, and since when it looks like that. */
interface Loss {
  readonly version: string;
  readonly since: number;
}

/** Reads a directory again and again, each time only what may have changed, and tells the difference. */
export class DirectoryReader {
  readonly catalog = new Catalog();
  readonly #directory: string;
  readonly #context: DirectoryReaderContext;
  readonly #stamps = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  readonly #losses = new Map<string, Loss>();
  readonly #shownTrouble = new Set<string>();
  #unreadable: readonly string[] = [];
  #rootMissing = false;

  constructor(directory: string, context: DirectoryReaderContext) {
    this.#directory = directory;
    this.#context = context;
  }

  /** The directory was there once and is not now; everything it held stays in force. */
  get rootMissing(): boolean {
    return this.#rootMissing;
  }

  /** The first read, as one batch: everything, findings, synced. */
  async load(): Promise<readonly SourceEvent[]> {
    const events = await this.refresh({ paths: new Set(), tree: true, verify: false });
    if (this.#rootMissing) {
      throw new MeshError('not-found', `no such directory: ${this.#directory}`, {
        hint: 'name a directory of manifests',
      });
    }
    const findings = events.filter((event) => event.type === 'findings');
    return [{ type: 'reset', objects: this.catalog.objects }, ...findings, { type: 'synced' }];
  }

  /** Looks at what may have changed. */
  async refresh(work: Work): Promise<readonly SourceEvent[]> {
    if (work.tree) return this.#refreshTree(work);
    const looks = await lookAtFiles([...work.paths], this.#context.defaultNamespace);
    // A file that is gone may be the first sign that the whole directory is: only a walk can tell.
    if ([...looks.values()].some((look) => look.kind === 'gone')) return this.#refreshTree(work);
    return this.#takeOver(looks);
  }

  async #refreshTree(work: Work): Promise<readonly SourceEvent[]> {
    const tree = await this.#walk();
    const trouble = this.#showTrouble(tree);
    if (tree === undefined) return trouble;
    const paths = new Set(work.paths);
    this.#compare(tree, work.verify, paths);
    return [...this.#takeOver(await lookAtFiles([...paths], this.#context.defaultNamespace)), ...trouble];
  }

  #takeOver(looks: ReadonlyMap<string, FileLook>): readonly SourceEvent[] {
    return this.catalog.update([...looks].flatMap(([path, look]) => this.#believe(path, look)));
  }

  async #walk(): Promise<Tree | undefined> {
    try {
      const tree = await walkTree(this.#directory, (directory, real) => this.#context.watch.add(directory, real));
      this.#context.watch.keepOnly(tree.directories);
      this.#unreadable = tree.unreadable.map((each) => each.path);
      this.#rootMissing = false;
      return tree;
    } catch (thrown) {
      const code = errorCode(thrown);
      if (code === '') throw thrown;
      if (!isGone(code))
        throw new MeshError('bad-argument', `can not read directory ${this.#directory} (${code})`, { cause: thrown });
      this.#context.watch.keepOnly([]);
      this.#rootMissing = true;
      return undefined;
    }
  }

  /** Adds to `paths` whatever a walk shows to have changed. */
  #compare(tree: Tree, verify: boolean, paths: Set<string>): void {
    const there = new Set<string>();
    for (const { path, stamp } of tree.files) {
      there.add(path);
      if (verify || this.#stamps.get(path) !== stamp) paths.add(path);
      this.#stamps.set(path, stamp);
    }
    for (const path of this.catalog.paths) {
      const hidden = this.#unreadable.some((directory) => path.startsWith(`${directory}/`));
      if (!there.has(path) && !hidden) paths.add(path);
    }
  }

  /** The change to take over for one look, if any; what takes objects away is believed only when it lasts. */
  #believe(path: string, look: FileLook): readonly FileChange[] {
    if (look.kind === 'read' && this.#versions.get(path) === look.version) return [];
    const known = this.catalog.content(path);
    if (look.kind === 'gone' && known === undefined) return [];
    const content = look.kind === 'gone' ? undefined : look.content();
    if (known !== undefined && loses(known, content) && !this.#lasts(path, look.version)) {
      this.#versions.delete(path);
      return [[path, keepMissing(content ?? { ...known, entries: new Map(), findings: [], unknown: [] }, known)]];
    }
    this.#losses.delete(path);
    if (content === undefined) {
      this.#versions.delete(path);
      this.#stamps.delete(path);
    } else {
      this.#versions.set(path, look.version);
    }
    return [[path, content]];
  }

  #lasts(path: string, version: string): boolean {
    const { now, settleMs, lookAgain } = this.#context;
    const loss = this.#losses.get(path);
    if (loss?.version === version && now() - loss.since >= settleMs) return true;
    if (loss?.version !== version) this.#losses.set(path, { version, since: now() });
    lookAgain(path);
    return false;
  }

  /** Findings about directories: the root, if it is missing, and those that can't be listed. */
  #showTrouble(tree: Tree | undefined): readonly SourceEvent[] {
    const now = new Map<string, Finding>();
    if (tree === undefined)
      now.set(this.#directory, trouble(this.#directory, 'directory-missing', 'the directory is gone'));
    for (const { path, code } of tree?.unreadable ?? []) {
      now.set(path, trouble(path, 'unreadable-directory', `the directory can not be read (${code})`));
    }
    const cleared = [...this.#shownTrouble].filter((path) => !now.has(path));
    const added = [...now].filter(([path]) => !this.#shownTrouble.has(path));
    for (const path of cleared) this.#shownTrouble.delete(path);
    for (const [path] of added) this.#shownTrouble.add(path);
    return [
      ...cleared.map((scope): SourceEvent => ({ type: 'findings', scope, findings: [] })),
      ...added.map(([scope, finding]): SourceEvent => ({ type: 'findings', scope, findings: [finding] })),
    ];
  }
}

/** Would taking this content over remove an object? */
function loses(known: FileContent, content: FileContent | undefined): boolean {
  if (content?.incomplete === true) return false;
  return [...known.entries.keys()].some((key) => content?.entries.has(key) !== true);
}

function trouble(path: string, code: string, message: string): Finding {
  const origin = { kind: 'file', path, line: 0 } as const;
  return {
    severity: 'error',
    code,
    object: '',
    origin,
    field: '',
    message: `${message}: what it held stays in force`,
    hint: '',
  };
}
