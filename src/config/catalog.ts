import { isDeepStrictEqual } from 'node:util';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { compareText } from '../model/object.ts';
import { effectCodes, type UnknownKind } from './decode.ts';
import { duplicate, type FileContent, type FileEntry } from './file-content.ts';
import type { ObjectRef, SourceEvent } from './source.ts';

/** One file's new content, or undefined if the file is gone. */
export type FileChange = readonly [path: string, content: FileContent | undefined];

/** An object that files claim, and what is in force for it. */
interface Applied {
  readonly ref: ObjectRef;
  readonly object: MeshObject | undefined;
  /** The last state without an error; what stays in force while its file is broken. */
  readonly lastGood: MeshObject | undefined;
}

/**
 * Turns what files say into one set of objects. Of several files that hold the same object the first by path wins, a good
 * one before one that never was good; a broken object keeps its last good state; a file that can't be read whole drops nothing. What is in force depends on the files and
 * what they said before, not on the order in which they are read.
 */
export class Catalog {
  readonly #files = new Map<string, FileContent>();
  readonly #claims = new Map<string, Set<string>>();
  readonly #applied = new Map<string, Applied>();
  readonly #shownFindings = new Map<string, readonly Finding[]>();

  /** What the file said when it was last read; undefined if it is not known. */
  content(path: string): FileContent | undefined {
    return this.#files.get(path);
  }

  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** Everything in force, ordered by key. */
  get objects(): readonly MeshObject[] {
    const sorted = [...this.#applied].sort(([a], [b]) => compareText(a, b));
    return sorted.flatMap(([, { object }]) => object ?? []);
  }

  /** All findings, ordered by file. */
  get findings(): readonly Finding[] {
    const sorted = [...this.#shownFindings].sort(([a], [b]) => compareText(a, b));
    return sorted.flatMap(([, findings]) => findings);
  }

  /** Kinds that were seen and not read, each once, ordered. */
  get unknown(): readonly UnknownKind[] {
    const all = [...this.#files.values()].flatMap((file) => file.unknown);
    const each = new Map(all.map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind]));
    return [...each].sort(([a], [b]) => compareText(a, b)).map(([, kind]) => kind);
  }

  /** Takes changes that belong together, and says what they change. */
  update(changes: Iterable<FileChange>): readonly SourceEvent[] {
    const keys = new Set<string>();
    const touched = new Set<string>();
    for (const [path, content] of changes) {
      touched.add(path);
      this.#replace(path, content, keys);
    }
    const events: SourceEvent[] = [];
    for (const key of [...keys].sort(compareText)) {
      for (const path of this.#claims.get(key) ?? []) touched.add(path);
      const event = this.#resolve(key);
      if (event !== undefined) events.push(event);
    }
    for (const path of [...touched].sort(compareText)) {
      const findings = this.#findingsOf(path);
      if (isDeepStrictEqual(findings, this.#shownFindings.get(path) ?? [])) continue;
      if (findings.length === 0) this.#shownFindings.delete(path);
      else this.#shownFindings.set(path, findings);
      events.push({ type: 'findings', scope: path, findings });
    }
    return events;
  }

  #replace(path: string, content: FileContent | undefined, keys: Set<string>): void {
    const previous = this.#files.get(path);
    for (const key of previous?.entries.keys() ?? []) {
      keys.add(key);
      this.#claims.get(key)?.delete(path);
    }
    if (content === undefined) {
      this.#files.delete(path);
      return;
    }
    const next = previous === undefined ? content : keepGood(content, previous);
    this.#files.set(path, next);
    for (const key of next.entries.keys()) {
      keys.add(key);
      const claims = this.#claims.get(key) ?? new Set();
      this.#claims.set(key, claims.add(path));
    }
  }

  #resolve(key: string): SourceEvent | undefined {
    const before = this.#applied.get(key);
    const winner = this.#winner(key);
    if (winner === undefined) {
      this.#claims.delete(key);
      this.#applied.delete(key);
      return before?.object === undefined ? undefined : { type: 'delete', ref: before.ref };
    }
    const { entry } = winner;
    if (!entry.kept) this.#dropKept(key, winner.path);
    const lastGood = entry.good ?? before?.lastGood;
    const object = lastGood ?? entry.object;
    if (isDeepStrictEqual(object, before?.object)) {
      this.#applied.set(key, {
        ref: entry.ref,
        object: before?.object,
        lastGood: lastGood === undefined ? undefined : before?.object,
      });
      return undefined;
    }
    this.#applied.set(key, { ref: entry.ref, object, lastGood });
    if (object !== undefined) return { type: 'apply', object };
    return { type: 'delete', ref: entry.ref };
  }

  /** An object that another file holds now has moved, and is not lost: what was kept of it must not come back. */
  #dropKept(key: string, winner: string): void {
    for (const path of this.#claims.get(key) ?? []) {
      const file = this.#files.get(path);
      if (path === winner || file?.entries.get(key)?.kept !== true) continue;
      const entries = new Map(file.entries);
      entries.delete(key);
      this.#files.set(path, { ...file, entries });
      this.#claims.get(key)?.delete(path);
    }
  }

  #winner(key: string): { readonly path: string; readonly entry: FileEntry } | undefined {
    const claims = [...(this.#claims.get(key) ?? [])].flatMap((path) => {
      const entry = this.#files.get(path)?.entries.get(key);
      return entry === undefined ? [] : [{ path, entry }];
    });
    claims.sort((a, b) => rank(a.entry) - rank(b.entry) || compareText(a.path, b.path));
    return claims[0];
  }

  #findingsOf(path: string): readonly Finding[] {
    const file = this.#files.get(path);
    if (file === undefined) return [];
    const noEffect = new Set<string>();
    const extra: Finding[] = [];
    for (const entry of file.entries.values()) {
      const winner = this.#winner(entry.key);
      if (winner !== undefined && winner.path !== path) {
        noEffect.add(entry.key);
        if (!entry.kept) extra.push(duplicate(entry, path, `${winner.path}:${winner.entry.line}`));
      } else if (entry.kept && file.incomplete) {
        extra.push(lastGoodKept(entry, path, 'the object may stand in the part of the file that can not be read'));
      } else if (entry.broken && this.#applied.get(entry.key)?.lastGood !== undefined) {
        noEffect.add(entry.key);
        extra.push(lastGoodKept(entry, path, 'the object has errors'));
      }
    }
    const own = file.findings.filter(
      (finding) => !(effectCodes.includes(finding.code) && noEffect.has(finding.object)),
    );
    return [...own, ...extra];
  }
}

/** A broken claim that never was good drives no good one out, and neither does one that may be gone. */
function rank(entry: FileEntry): number {
  if (entry.good === undefined) return 2;
  return entry.kept ? 1 : 0;
}

/** The new content with the good states of the old one: of what is broken now, and of what may only be out of sight. */
function keepGood(content: FileContent, previous: FileContent): FileContent {
  const entries = new Map(content.entries);
  for (const [key, entry] of entries) {
    if (entry.good === undefined) entries.set(key, { ...entry, good: previous.entries.get(key)?.good });
  }
  return content.incomplete ? keepMissing({ ...content, entries }, previous) : { ...content, entries };
}

/** The new content, and what the old one had beyond it. */
export function keepMissing(content: FileContent, previous: FileContent): FileContent {
  const entries = new Map(content.entries);
  for (const [key, entry] of previous.entries) if (!entries.has(key)) entries.set(key, { ...entry, kept: true });
  return { ...content, entries };
}

function lastGoodKept(entry: FileEntry, path: string, why: string): Finding {
  return {
    severity: 'warning',
    code: 'last-good-kept',
    object: entry.key,
    origin: { kind: 'file', path, line: entry.line },
    field: '',
    message: `${why}: its last good state stays in force`,
    hint: '',
  };
}
