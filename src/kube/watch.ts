import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { KubeClient, Query } from './client.ts';
import { LineSplitter } from './line-splitter.ts';
import { readWatchEvent, type WatchEvent } from './watch-event.ts';

export interface WatchOptions {
  readonly client: KubeClient;
  readonly path: string;
  /** Says from which version on. */
  readonly query: Query;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: number;
  /** This server is known to send bookmarks (about one a minute), so silence means that the connection is dead. */
  readonly bookmarks: boolean;
  readonly clock: Clock;
}

const openMs = 30_000;
const graceMs = 30_000;
const bookmarksStoppedMs = 150_000;

/**
 * One watch: the events of each chunk that arrives, in order, until the server ends it. Half a line at the end is dropped:
 * the version that was seen last is that of the last whole event. Throws when the watch is refused, breaks, sends an `ERROR`
 * event, or is silent for longer than it can be while it lives; what came before that in the same chunk is given first.
 */
export async function* watchBatches(
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly WatchEvent[], void, void> {
  const { client, path, clock } = options;
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const query = { ...options.query, watch: true, allowWatchBookmarks: true, timeoutSeconds: options.timeoutSeconds };
  let chunks: AsyncIterator<Uint8Array> | undefined;
  try {
    const stream = await within(clock, openMs, stop, client.stream(path, query, either));
    chunks = stream[Symbol.asyncIterator]();
    const splitter = new LineSplitter();
    let quietMs = options.bookmarks ? bookmarksStoppedMs : options.timeoutSeconds * 1000 + graceMs;
    for (;;) {
      const next = await within(clock, quietMs, stop, chunks.next());
      if (next.done === true) return;
      const { events, error } = readLines(path, splitter.push(next.value));
      if (events.some((event) => event.type === 'bookmark')) quietMs = bookmarksStoppedMs;
      if (events.length > 0) yield events;
      if (error !== undefined) throw error;
    }
  } finally {
    await chunks?.return?.();
    stop.abort();
  }
}

/** The promise's value; if it takes too long, `stop` is aborted, which makes it fail. */
async function within<T>(clock: Clock, ms: number, stop: AbortController, promise: Promise<T>): Promise<T> {
  const silent = new MeshError('unavailable', `the server was silent for ${Math.round(ms / 1000)} s`);
  using _timer = clock.after(ms, () => stop.abort(silent));
  return await promise;
}

function readLines(
  path: string,
  lines: readonly string[],
): { readonly events: readonly WatchEvent[]; readonly error: unknown } {
  const events: WatchEvent[] = [];
  try {
    for (const line of lines) events.push(readWatchEvent(path, line));
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}
