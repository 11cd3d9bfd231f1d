import { assertNever } from '../lib/assert-never.ts';
import { MeshError } from '../lib/errors.ts';
import { pauseQuietly } from '../lib/pause.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import { Backoff } from './backoff.ts';
import type { KubeClient, Query } from './client.ts';
import { Held } from './held.ts';
import { listPages } from './list.ts';
import { type KubeObject, kubeKey } from './object.ts';
import { watchBatches } from './watch.ts';
import type { WatchEvent } from './watch-event.ts';

/** One collection of the API that is kept in step. */
export interface ReflectOptions extends Surroundings {
  readonly client: KubeClient;
  /** All objects of a kind (`/api/v1/pods`), or those of one namespace (`/api/v1/namespaces/x/secrets`). */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * Cuts an object down to what is read of it, right after it is parsed; by default metadata loses its managed fields. Name,
   * namespace, uid and resourceVersion must stay: a relist is compared by them.
   */
  readonly trim?: (object: KubeObject) => KubeObject;
  /** Objects per page of a list; 500 by default. */
  readonly pageSize?: number;
}

/**
 * What happened, in the order of the server. The first `synced` ends the first list; a later relist gives only what it
 * changed. `absent`: the server has no such kind (its CRD is not installed); everything of it is gone until it appears.
 */
export type ReflectEvent =
  | { readonly type: 'put'; readonly object: KubeObject }
  | { readonly type: 'delete'; readonly namespace: string; readonly name: string }
  | { readonly type: 'synced' }
  | { readonly type: 'absent' };

/** How soon a kind that is not installed is looked for again; the wait doubles up to `longestAbsentMs`. */
const firstAbsentMs = 2_000;
const longestAbsentMs = 10_000;
const deniedMs = 30_000;
/** Failures in a row (some ten seconds of them) after which people are told, once. */
const worthAWord = 4;
/** A watch that ended in order sooner than this, and said nothing, is treated as a failure: nobody is hammered. */
const shortestWatchMs = 1_000;

/**
 * Keeps a consumer in step with one collection: a paged list, then a watch that goes on from the list's version, for as
 * long as `signal` lets it ("Efficient detection of changes", Kubernetes API concepts). A watch that ends or breaks goes on
 * from the last version that was seen, without another list; only where the server has forgotten that version (410) is
 * there a new list, of which the consumer is told the difference. Never throws for what the server does: it waits and
 * tries again, and what the consumer was told stays true meanwhile.
 *
 * What arrives together (a page, a chunk) is one batch. The next batch is read when the consumer asks for it, so a slow one
 * slows the server down and not this program's memory. A kind that vanishes gives `delete` for all that was there, then
 * `absent`, in one batch. Ends when `signal` aborts.
 */
export async function* reflect(
  options: ReflectOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly ReflectEvent[], void, void> {
  const reflection = new Reflection(options, signal);
  while (!signal.aborted) {
    try {
      yield* reflection.run();
    } catch (thrown) {
      if (signal.aborted) return;
      yield* reflection.recover(MeshError.from(thrown, 'unavailable'));
    }
  }
}

class Reflection {
  readonly #options: ReflectOptions;
  readonly #signal: AbortSignal;
  readonly #held = new Held();
  readonly #backoff: Backoff;
  /** Where the watch goes on; undefined when only a list helps. */
  #version: string | undefined;
  #synced = false;
  /** 404s in a row. */
  #missing = 0;
  #absent = false;
  /** 410s since the server last gave something to a watch. */
  #gone = 0;
  #denied = false;
  #bookmarks = false;

  constructor(options: ReflectOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#backoff = new Backoff(options.random);
  }

  /** A list if it is needed, then one watch until it ends in order. */
  async *run(): AsyncGenerator<readonly ReflectEvent[], void, void> {
    if (this.#version === undefined) yield* this.#list();
    const { clock } = this.#options;
    const opened = clock.now();
    const lived = yield* this.#watch();
    if (this.#signal.aborted) return;
    if (lived || clock.now() - opened >= shortestWatchMs) this.#backoff.reset();
    else await pauseQuietly(clock, this.#backoff.next(), this.#signal);
  }

  /** After an error: waits as long as its kind asks for. */
  async *recover(error: MeshError): AsyncGenerator<readonly ReflectEvent[], void, void> {
    const { clock, log, path } = this.#options;
    if (error.code === 'not-found') {
      yield* this.#notFound();
      return;
    }
    if (error.code === 'permission-denied') {
      if (!this.#denied)
        log.warn({ path, error: error.message }, 'not allowed to read a kind: grant the missing right');
      this.#denied = true;
      await pauseQuietly(clock, deniedMs, this.#signal);
      return;
    }
    if (error.code === 'gone' || error.code === 'bad-argument') this.#version = undefined;
    if (error.code === 'gone' && this.#gone === 0) {
      this.#gone += 1;
      log.debug({ path }, 'the server has forgotten where the watch was: listing again');
      return;
    }
    const waitMs = this.#backoff.next();
    const fields = { path, error: error.message, waitMs: Math.round(waitMs) };
    if (this.#backoff.failures === worthAWord)
      log.warn(fields, 'the Kubernetes API fails: trying again, nothing changes');
    else log.debug(fields, 'list or watch failed: trying again');
    await pauseQuietly(clock, waitMs, this.#signal);
  }

  async *#list(): AsyncGenerator<readonly ReflectEvent[], void, void> {
    const { client, path, trim = withoutManagedFields, pageSize = 500 } = this.#options;
    const seen = new Set<string>();
    let resourceVersion = '';
    for await (const page of listPages({ client, path, query: this.#selectors(), trim, pageSize }, this.#signal)) {
      resourceVersion = page.resourceVersion;
      for (const object of page.objects) seen.add(kubeKey(object));
      const puts = page.objects
        .filter((object) => this.#held.put(object))
        .map((object): ReflectEvent => ({ type: 'put', object }));
      if (puts.length > 0) yield puts;
    }
    const end: ReflectEvent[] = this.#held.keepOnly(seen).map((ref) => ({ type: 'delete', ...ref }));
    if (!this.#synced) end.push({ type: 'synced' });
    this.#synced = true;
    this.#version = resourceVersion;
    this.#recovered();
    if (end.length > 0) yield end;
  }

  /** True if the server said anything. */
  async *#watch(): AsyncGenerator<readonly ReflectEvent[], boolean, void> {
    const { client, path, clock, random, trim = withoutManagedFields } = this.#options;
    const timeoutSeconds = 300 + Math.floor(random() * 300);
    const query = { ...this.#selectors(), resourceVersion: this.#version, timeoutSeconds };
    const settings = { client, path, query, clock, timeoutSeconds, bookmarks: this.#bookmarks };
    let lived = false;
    for await (const batch of watchBatches(settings, this.#signal)) {
      lived = true;
      this.#gone = 0;
      this.#recovered();
      const events = batch.flatMap((event) => this.#take(event, trim));
      if (events.length > 0) yield events;
    }
    return lived;
  }

  /** Follows one event of the watch; what the consumer is told of it, if it is news. */
  #take(event: WatchEvent, trim: (object: KubeObject) => KubeObject): readonly ReflectEvent[] {
    switch (event.type) {
      case 'put': {
        this.#version = event.object.metadata.resourceVersion ?? this.#version;
        const object = trim(event.object);
        return this.#held.put(object) ? [{ type: 'put', object }] : [];
      }
      case 'delete': {
        const { namespace = '', name, resourceVersion } = event.object.metadata;
        this.#version = resourceVersion ?? this.#version;
        return this.#held.remove(event.object) ? [{ type: 'delete', namespace, name }] : [];
      }
      case 'bookmark':
        this.#bookmarks = true;
        this.#version = event.resourceVersion;
        return [];
      case 'other':
        return [];
      default:
        return assertNever(event);
    }
  }

  /** One 404 is not believed as long as there is something to lose: what stands between may be restarting. */
  async *#notFound(): AsyncGenerator<readonly ReflectEvent[], void, void> {
    this.#version = undefined;
    this.#missing += 1;
    if (this.#missing === 1 && this.#held.size > 0) {
      await pauseQuietly(this.#options.clock, firstAbsentMs, this.#signal);
      return;
    }
    const gone = this.#held.keepOnly(new Set()).map((ref): ReflectEvent => ({ type: 'delete', ...ref }));
    if (!this.#absent) yield [...gone, { type: 'absent' }];
    this.#absent = true;
    const waitMs = Math.min(firstAbsentMs * 2 ** Math.min(this.#missing - 1, 8), longestAbsentMs);
    await pauseQuietly(this.#options.clock, waitMs, this.#signal);
  }

  #recovered(): void {
    this.#backoff.reset();
    this.#missing = 0;
    this.#absent = false;
    if (this.#denied) this.#options.log.info({ path: this.#options.path }, 'the missing right was granted');
    this.#denied = false;
  }

  #selectors(): Query {
    const { labelSelector, fieldSelector } = this.#options;
    return { labelSelector, fieldSelector };
  }
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
