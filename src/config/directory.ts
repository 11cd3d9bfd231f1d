import type { Clock } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import { type Logger, silentLogger } from '../lib/log.ts';
import type { UnknownKind } from './decode.ts';
import { DirectoryReader } from './directory-reader.ts';
import { Pending } from './pending.ts';
import type { ConfigSource, SourceEvent } from './source.ts';
import { TreeWatch } from './tree-watch.ts';

/** How a directory is watched; the defaults suit people and kubelet alike. */
export interface DirectoryOptions {
  readonly clock?: Clock;
  /** How long the first change after a pause waits for others of the same apply. */
  readonly debounceMs?: number;
  /** How long a file that is gone, or has lost objects, must stay so before it is believed: editors truncate, then write. */
  readonly settleMs?: number;
  /** How often everything is read again, for changes that no watch reports. */
  readonly rereadMs?: number;
  readonly defaultNamespace?: string;
  readonly log?: Logger;
}

/** A {@link ConfigSource} over a directory. */
export interface DirectorySource extends ConfigSource {
  /** Kinds that were seen in the directory and are not read. */
  readonly unknown: readonly UnknownKind[];
}

/** How often a root directory that went missing, or a tree that can't be watched, is looked at. */
const lookAgainMs = 250;

/**
 * Watches a directory of manifests (product.md, "Where configuration comes from"): subfolders too, hidden names apart, safe
 * with atomic renames and the link swaps of mounted ConfigMaps. A broken file keeps its last good state. Changes
 * reach the consumer within a few ms; only what takes objects away waits `settleMs` for a second look.
 */
export function directorySource(directory: string, options: DirectoryOptions = {}): DirectorySource {
  const stop = new AbortController();
  let reader: DirectoryReader | undefined;
  return {
    events: (signal) =>
      watchDirectory(directory, options, AbortSignal.any([signal, stop.signal]), (started) => {
        reader = started;
      }),
    get unknown() {
      return reader?.catalog.unknown ?? [];
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
    },
  };
}

async function* watchDirectory(
  directory: string,
  options: DirectoryOptions,
  signal: AbortSignal,
  started: (reader: DirectoryReader) => void,
): AsyncGenerator<readonly SourceEvent[]> {
  const { clock = systemClock, debounceMs = 5, settleMs = 50, rereadMs = 30_000, log = silentLogger } = options;
  using cleanUp = new DisposableStack();
  const pending = new Pending(clock, debounceMs);
  let pollMs = rereadMs;
  using watch = new TreeWatch(
    directory,
    (sign) => pending.add(sign),
    (error) => {
      if (pollMs !== lookAgainMs)
        log.warn({ directory, error: String(error) }, 'directory can not be watched: it is polled instead');
      pollMs = Math.min(pollMs, lookAgainMs);
    },
  );
  // A consumer that drops the iterator never comes back to run the clean-up of this function.
  const close = (): void => watch[Symbol.dispose]();
  signal.addEventListener('abort', close, { once: true });
  cleanUp.defer(() => signal.removeEventListener('abort', close));
  const reader = new DirectoryReader(directory, {
    watch,
    now: () => clock.now(),
    settleMs,
    defaultNamespace: options.defaultNamespace,
    lookAgain: (path) => {
      clock.after(settleMs, () => pending.add({ kind: 'file', path }));
    },
  });
  started(reader);
  yield await reader.load();
  let next: Disposable | undefined;
  const arm = (): void => {
    next = clock.after(reader.rootMissing ? Math.min(lookAgainMs, pollMs) : pollMs, () => {
      pending.add({ kind: 'verify' });
      arm();
    });
  };
  arm();
  cleanUp.defer(() => next?.[Symbol.dispose]());
  for (;;) {
    const work = await pending.take(signal);
    if (work === undefined) return;
    const wasMissing = reader.rootMissing;
    const events = await reader.refresh(work);
    if (reader.rootMissing !== wasMissing) {
      next?.[Symbol.dispose]();
      arm();
    }
    if (events.length === 0) continue;
    log.debug({ directory, events: events.length }, 'configuration changed');
    yield events;
  }
}
