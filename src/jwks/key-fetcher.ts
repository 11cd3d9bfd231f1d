import { MeshError } from '../lib/errors.ts';
import { Listeners } from '../lib/listeners.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { KeySet } from '../model/key-set.ts';
import { type Failure, type FailureKind, failure } from './failure.ts';
import type { Load } from './load.ts';
import { Room } from './room.ts';
import { Turns } from './turns.ts';
import type { WantedKeys } from './wanted.ts';

/** How old keys get before they are fetched anew (behaviour.md 1.2, JWKS acquisition). */
export const refreshMs = 20 * 60_000;
const firstRetryMs = 1_000;
const longestRetryMs = 10 * 60_000;
/** How soon after a fetch began somebody's word that a key is missing may start the next one. */
const reportMs = 10_000;
/** How long keys are kept that no policy wants: a policy that is written anew shall find them. */
const keepMs = 60 * 60_000;
/** How long it is kept that there are none, so that a policy that comes and goes asks no server more often. */
const keepFailureMs = longestRetryMs;

/** What is known of one set of keys. */
export interface KeyState {
  /** ms since the epoch of the last good fetch; undefined before the first. */
  readonly fetchedAt: number | undefined;
  /** Why the latest fetch brought none; undefined after a good one, and before the first. */
  readonly failure: Failure | undefined;
}

/** What a fetcher needs, and whom it tells. */
export interface KeyFetcherOptions extends Surroundings {
  readonly load: Load;
  readonly turns?: Turns;
  readonly room?: Room;
  /** Keys are other ones than before. */
  readonly changed: (keySets: ReadonlyMap<string, KeySet>) => void;
  /** A fetch has ended. */
  readonly fetched: (result: 'success' | FailureKind) => void;
}

interface Entry {
  wanted: WantedKeys;
  /** Drawn once: spreads what many replicas and issuers do at the same times. */
  readonly pace: number;
  keys: { readonly jwks: string; readonly fetchedAt: number } | undefined;
  failure: Failure | undefined;
  failures: number;
  running: boolean;
  /** When the latest fetch began. */
  startedAt: number | undefined;
  dueAt: number;
  timer: Disposable | undefined;
  unwanted: boolean;
}

/**
 * Keeps the keys of many issuers current, each for itself: the first fetch at once, then every twenty minutes, sooner if a
 * proxy met a key that isn't known. While a server fails, its last good keys stay, however old; there is never a key that nobody
 * published.
 */
export class KeyFetcher implements AsyncDisposable {
  readonly #options: KeyFetcherOptions;
  readonly #turns: Turns;
  readonly #room: Room;
  readonly #entries = new Map<string, Entry>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #ended = new Listeners();

  constructor(options: KeyFetcherOptions) {
    this.#options = options;
    this.#turns = options.turns ?? new Turns();
    this.#room = options.room ?? new Room();
  }

  /** Takes over what is wanted now, all of it. */
  want(all: readonly WantedKeys[]): void {
    const ids = new Set(all.map(({ id }) => id));
    for (const wanted of all) this.#want(wanted);
    for (const entry of this.#entries.values()) {
      if (entry.unwanted || ids.has(entry.wanted.id)) continue;
      entry.unwanted = true;
      this.#schedule(entry, entry.keys === undefined ? keepFailureMs : keepMs);
    }
  }

  /** Says that a token named a key that these sets lack: fetches them, each at most once in ten seconds, whoever asks. */
  reportUnknownKey(ids: Iterable<string>): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && !entry.unwanted) this.#hurry(entry);
    }
  }

  /** What is known of a set; undefined if nobody wants it. */
  state(id: string): KeyState | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.unwanted) return undefined;
    return { fetchedAt: entry.keys?.fetchedAt, failure: entry.failure };
  }

  /** The state of every set that is wanted. */
  states(): readonly KeyState[] {
    return [...this.#entries.keys()].map((id) => this.state(id)).filter((state) => state !== undefined);
  }

  /** Waits until every set that is wanted has been asked for once, with whatever outcome, or until the signal aborts. */
  async tried(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    const look = (): void => {
      const untried = [...this.#entries.values()].some((entry) => !entry.unwanted && !hasEnded(entry));
      if (!untried || signal.aborted) end();
    };
    signal.addEventListener('abort', end, { once: true });
    using _listening = this.#ended.add(look);
    look();
    await promise;
    signal.removeEventListener('abort', end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { timer } of this.#entries.values()) timer?.[Symbol.dispose]();
    await Promise.all(this.#running);
  }

  #want(wanted: WantedKeys): void {
    const known = this.#entries.get(wanted.id);
    if (known !== undefined) {
      known.wanted = wanted;
      this.#charge(known);
      if (!known.unwanted) return;
      known.unwanted = false;
      known.dueAt = Number.POSITIVE_INFINITY;
      this.#hurry(known);
      return;
    }
    const entry: Entry = {
      wanted,
      pace: 0.8 + this.#options.random() / 5,
      keys: undefined,
      failure: undefined,
      failures: 0,
      running: false,
      startedAt: undefined,
      dueAt: 0,
      timer: undefined,
      unwanted: false,
    };
    this.#entries.set(wanted.id, entry);
    this.#fetch(entry);
  }

  #hurry(entry: Entry): void {
    // One that waits for its turn can't be sooner.
    if (entry.running && entry.startedAt === undefined) return;
    const { clock } = this.#options;
    const due = Math.max(clock.now(), (entry.startedAt ?? Number.NEGATIVE_INFINITY) + reportMs);
    if (due < entry.dueAt) this.#schedule(entry, due - clock.now());
  }

  #schedule(entry: Entry, delayMs: number): void {
    const { clock } = this.#options;
    entry.timer?.[Symbol.dispose]();
    entry.dueAt = clock.now() + delayMs;
    entry.timer = clock.after(delayMs, () => {
      if (entry.unwanted) this.#drop(entry);
      else if (!entry.running) this.#fetch(entry);
    });
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.wanted.id);
    this.#room.charge(entry.wanted.id, [], 0);
    if (entry.keys !== undefined) this.#options.changed(this.#keySets());
  }

  #charge({ wanted: { id, owners }, keys }: Entry): void {
    this.#room.charge(id, owners, keys?.jwks.length ?? 0);
  }

  /** Keys that there is no room for are as good as none; those that are there stay. */
  #roomFor({ wanted: { id, owners } }: Entry, result: Awaited<ReturnType<Load>>): Awaited<ReturnType<Load>> {
    if (!result.ok || this.#room.fits(id, owners, result.value.length)) return result;
    return failure('size', `the keys that policies of ${owners.join(', ')} want are too many to keep`);
  }

  #fetch(entry: Entry): void {
    if (this.#stop.signal.aborted) return;
    entry.running = true;
    entry.dueAt = Number.POSITIVE_INFINITY;
    const work = this.#attempt(entry).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #attempt(entry: Entry): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    using turn = await this.#turns.take(hostOf(entry.wanted), entry.wanted.owners, signal);
    if (turn === undefined) return;
    if (entry.unwanted) {
      entry.running = false;
      return;
    }
    entry.startedAt = clock.now();
    const result = this.#roomFor(entry, await this.#load(entry.wanted));
    entry.running = false;
    if (signal.aborted) return;
    const before = entry.keys?.jwks;
    if (result.ok) {
      entry.keys = { jwks: result.value, fetchedAt: clock.now() };
      entry.failure = undefined;
      entry.failures = 0;
      if (this.#entries.get(entry.wanted.id) === entry) this.#charge(entry);
    } else {
      entry.failure = result.error;
      entry.failures += 1;
    }
    this.#next(entry);
    this.#options.fetched(result.ok ? 'success' : result.error.kind);
    if (this.#entries.get(entry.wanted.id) === entry && entry.keys?.jwks !== before) {
      this.#options.changed(this.#keySets());
    }
    this.#ended.tell();
  }

  async #load(wanted: WantedKeys): ReturnType<Load> {
    const { load, log } = this.#options;
    try {
      return await load(wanted, this.#stop.signal);
    } catch (thrown) {
      log.error({ error: MeshError.from(thrown).message }, 'keys could not be fetched');
      return failure('connection', 'they could not be asked for');
    }
  }

  /** Plans the fetch after one that has just ended, unless somebody wanted it sooner, or nobody wants it any more. */
  #next(entry: Entry): void {
    if (entry.unwanted) return;
    const usual =
      entry.failures === 0 ? refreshMs : Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(entry.failures - 1, 20));
    const { clock } = this.#options;
    const delay = usual * entry.pace;
    const asked = entry.dueAt - clock.now();
    this.#schedule(entry, asked < delay ? Math.max(0, asked) : delay);
  }

  #keySets(): ReadonlyMap<string, KeySet> {
    const found = new Map<string, KeySet>();
    for (const [id, { keys }] of this.#entries) if (keys !== undefined) found.set(id, { id, jwks: keys.jwks });
    return found;
  }
}

function hasEnded({ keys, failure }: Entry): boolean {
  return keys !== undefined || failure !== undefined;
}

/** Whom a fetch asks first. */
function hostOf({ place }: WantedKeys): string {
  const text = place.kind === 'remote' ? place.uri : place.issuer;
  return URL.canParse(text) ? new URL(text).host : text;
}
