import { Shares } from '../lib/shares.ts';
import type { Part } from './attribution.ts';
import type { Caller } from './caller.ts';
import type { Outcome } from './verdict.ts';
import type { PolicyVersion } from './versions.ts';

/** What requests are counted by, below a policy's version. */
export interface CountKey extends Caller {
  /** What the destination is part of, `httpbin.foo`. */
  readonly workload: string;
  /** Class of the path; `*` where there were too many. */
  readonly path: string;
  readonly now: Outcome;
  readonly would: Outcome;
  readonly part: Part;
}

/** One request as an example; all texts are printable, and none is secret. */
export interface Sample extends Caller {
  /** One request may be an example for several policies; it has the same number in all. */
  readonly request: number;
  readonly at: number;
  readonly reporter: string;
  readonly workload: string;
  readonly method: string;
  readonly path: string;
  readonly port: number;
  readonly code: number;
  readonly latencyMs: number;
  readonly responseBytes: number;
  /** The rule that matched; '' for none. */
  readonly rule: string;
}

/** How often something happened. Times are ms since the epoch. */
export interface Count extends CountKey {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly samples: readonly Sample[];
}

interface Cell {
  readonly key: CountKey;
  readonly owner: string;
  /** Not one that stands for the rest. */
  readonly single: boolean;
  readonly place: Disposable;
  count: number;
  first: number;
  last: number;
  /** How many were ever put into the ring: fewer than counted, where other counts were folded into this one. */
  sampled: number;
  /** A ring: the newest take the places of the oldest. */
  readonly samples: Sample[];
}

interface Book {
  readonly cells: Map<string, Cell>;
  /** Classes of paths that have counts of their own, by who told of them. */
  readonly paths: Map<string, Set<string>>;
}

/** How much is kept. */
export interface LedgerLimits {
  readonly cells: number;
  readonly cellsPerOwner: number;
  readonly pathsPerOwner: number;
  readonly samples: number;
  readonly keptMs: number;
}

/** Some 18 MB when all is full (1.8 kB a count with three examples, measured), and as much again for the rest at worst. */
export const defaultLedgerLimits: LedgerLimits = {
  cells: 10_000,
  cellsPerOwner: 512,
  pathsPerOwner: 64,
  samples: 3,
  keptMs: 24 * 60 * 60_000,
};

/** Stands for every source, or every path, that there was no place for. */
const rest = '*';

/**
 * Bounded counts of what dry runs would do. Where places run out, whoever has the most of them loses theirs; what was counted there is counted
 * with the rest of its workload, so sums stay right and only detail is lost. How often is counted, too.
 */
export class Ledger {
  readonly #limits: LedgerLimits;
  readonly #books = new Map<string, Book>();
  readonly #places: Shares;
  readonly #restPlaces: Shares;
  readonly #owners = new Map<string, number>();
  #folded = 0;
  #lost = 0;

  constructor(limits: LedgerLimits = defaultLedgerLimits) {
    this.#limits = limits;
    this.#places = new Shares(limits.cells);
    this.#restPlaces = new Shares(limits.cells);
  }

  /** Places taken. */
  get size(): number {
    return this.#places.total + this.#restPlaces.total;
  }

  /** Requests that are counted without their source and path, for want of room. */
  get folded(): number {
    return this.#folded;
  }

  /** Requests that are not counted at all: even the rest had no place. */
  get lost(): number {
    return this.#lost;
  }

  /** Counts one request. `owner`: the proven workload that tells of it, which shares room with itself. */
  record(version: PolicyVersion, owner: string, key: CountKey, sample: Sample): void {
    const book = this.#bookOf(version);
    const wanted = { ...key, path: this.#pathIn(book, owner, key.path) };
    this.#add(this.#ownCell(book, owner, wanted, sample.at) ?? this.#restCell(book, owner, key, sample.at), sample);
  }

  /** The counts of one version, the most first. */
  counts(version: PolicyVersion): readonly Count[] {
    return [...(this.#books.get(bookName(version))?.cells.values() ?? [])]
      .map(({ key, count, first, last, samples }) => ({
        ...key,
        count,
        first,
        last,
        samples: samples.toSorted((a, b) => b.at - a.at),
      }))
      .sort((a, b) => b.count - a.count);
  }

  /** Forgets versions that are not kept any more, and what didn't happen for long. */
  sweep(kept: readonly PolicyVersion[], now: number): void {
    const names = new Set(kept.map(bookName));
    for (const [name, { cells, paths }] of this.#books) {
      for (const [key, cell] of cells) {
        if (names.has(name) && now - cell.last < this.#limits.keptMs) continue;
        cells.delete(key);
        this.#close(cell);
      }
      if (cells.size === 0) this.#books.delete(name);
      paths.clear();
      for (const { owner, key } of cells.values()) paths.set(owner, (paths.get(owner) ?? new Set()).add(key.path));
    }
  }

  #bookOf(version: PolicyVersion): Book {
    const name = bookName(version);
    const known = this.#books.get(name) ?? { cells: new Map<string, Cell>(), paths: new Map<string, Set<string>>() };
    this.#books.set(name, known);
    return known;
  }

  #pathIn({ paths }: Book, owner: string, path: string): string {
    const own = paths.get(owner) ?? new Set();
    if (own.has(path)) return path;
    if (own.size >= this.#limits.pathsPerOwner) return rest;
    paths.set(owner, own.add(path));
    return path;
  }

  #add(cell: Cell, sample: Sample): void {
    cell.samples[cell.sampled % this.#limits.samples] = sample;
    cell.sampled++;
    cell.count++;
    cell.first = Math.min(cell.first, sample.at);
    cell.last = Math.max(cell.last, sample.at);
  }

  /** Undefined where its owner has as many as one may have. */
  #ownCell(book: Book, owner: string, key: CountKey, at: number): Cell | undefined {
    const name = cellName(key);
    const known = book.cells.get(name);
    if (known !== undefined) return known;
    const own = this.#owners.get(owner) ?? 0;
    if (own >= this.#limits.cellsPerOwner) return undefined;
    this.#owners.set(owner, own + 1);
    const place = this.#places.take(owner, 1, () => this.#fold(book, name, owner));
    return this.#open(book, name, { key, at, place, owner, single: true });
  }

  /** Counts a request with the rest of its workload. */
  #restCell(book: Book, owner: string, key: CountKey, at: number): Cell {
    this.#folded++;
    const wanted = { ...key, source: rest, user: '', path: rest };
    const name = cellName(wanted);
    const known = book.cells.get(name);
    if (known !== undefined) return known;
    const place = this.#restPlaces.take(owner, 1, () => {
      this.#lost += book.cells.get(name)?.count ?? 0;
      book.cells.delete(name);
    });
    return this.#open(book, name, { key: wanted, at, place, owner, single: false });
  }

  #open(book: Book, name: string, { key, at, place, owner, single }: Opened): Cell {
    const cell: Cell = { key, owner, single, place, count: 0, sampled: 0, first: at, last: at, samples: [] };
    book.cells.set(name, cell);
    return cell;
  }

  /** Somebody who has less needs the place: what was counted here goes to the rest. */
  #fold(book: Book, name: string, owner: string): void {
    const cell = book.cells.get(name);
    if (cell === undefined) return;
    book.cells.delete(name);
    this.#leave(owner);
    const into = this.#restCell(book, owner, cell.key, cell.first);
    into.count += cell.count;
    into.first = Math.min(into.first, cell.first);
    into.last = Math.max(into.last, cell.last);
    this.#folded += cell.count - 1;
  }

  #close(cell: Cell): void {
    cell.place[Symbol.dispose]();
    if (cell.single) this.#leave(cell.owner);
  }

  #leave(owner: string): void {
    const left = (this.#owners.get(owner) ?? 0) - 1;
    if (left > 0) this.#owners.set(owner, left);
    else this.#owners.delete(owner);
  }
}

interface Opened {
  readonly key: CountKey;
  readonly at: number;
  readonly place: Disposable;
  readonly owner: string;
  readonly single: boolean;
}

function cellName({ workload, source, user, path, now, would, part }: CountKey): string {
  return JSON.stringify([workload, source, user, path, now, would, part]);
}

function bookName({ namespace, name, since, generation }: PolicyVersion): string {
  return `${namespace}/${name}/${generation}/${since}`;
}
