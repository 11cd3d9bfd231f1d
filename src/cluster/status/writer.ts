import { Backoff } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { MeshError } from '../../lib/errors.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import { fieldManagers } from '../../model/cluster-names.ts';
import { Coalescer, type CoalescerTiming } from './coalescer.ts';
import { almostSaid, alreadySaid, type Condition, type Verdict, withTimes } from './conditions.ts';
import { TokenBucket } from './rate.ts';
import { type Stored, storedOf } from './stored.ts';

export interface WriterOptions extends Surroundings {
  readonly client: KubeClient;
  /** What should stand on an object now; undefined while that isn't known. */
  readonly wanted: (stored: Stored) => readonly Verdict[] | undefined;
}

const timing: CoalescerTiming = { quietMs: 500, maxMs: 2_000, gapMs: 2_000 };
/** How long words may be old where only they would change: while something is under way, and once all of it holds. */
const wordsMs = { moving: 5_000, holding: 30_000 };
const maxParallel = 8;
const writesPerSecond = 50;
/** A write that hangs must not hold a place for long. */
const timeoutMs = 10_000;

/**
 * Writes conditions by server-side apply on the status subresource: only what differs from what is stored, each object at
 * most once in two seconds (less often where only numbers move), all of them within a rate. Stops for a while where the server fails.
 */
export class StatusWriter implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #due: Coalescer<string>;
  readonly #rate: TokenBucket;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #stored = new Map<string, Stored>();
  readonly #ready = new Set<string>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #writtenAt = new Map<string, number>();
  /** For the next write within the rate. */
  #waiting: Disposable | undefined;
  /** Until the server may be there again. */
  #paused: Disposable | undefined;
  #held = true;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#rate = new TokenBucket(options.clock, writesPerSecond, writesPerSecond);
    this.#backoff = new Backoff(options.random);
    this.#due = new Coalescer(options.clock, timing, (keys) => {
      for (const key of keys) this.#ready.add(key);
      this.#pump();
    });
  }

  /** Nothing is written before: half a picture is no news. */
  begin(): void {
    this.#held = false;
    this.#pump();
  }

  put(stored: Stored): void {
    this.#stored.set(stored.key, stored);
    this.touch(stored.key);
  }

  delete(key: string): void {
    this.#stored.delete(key);
    this.#ready.delete(key);
    this.#writtenAt.delete(key);
    this.#due.forget(key);
  }

  /** What should stand on this object may have changed. */
  touch(key: string): void {
    if (this.#stored.has(key)) this.#due.touch(key);
  }

  touchAll(): void {
    for (const key of this.#stored.keys()) this.#due.touch(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#due[Symbol.dispose]();
    this.#waiting?.[Symbol.dispose]();
    this.#paused?.[Symbol.dispose]();
    await Promise.all(this.#writing.values());
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (!this.#mayWrite()) return;
      // Its turn comes again when the write that is under way has ended.
      if (this.#writing.has(key)) continue;
      const stored = this.#stored.get(key);
      const wanted = stored && this.#options.wanted(stored);
      if (stored === undefined || wanted === undefined || alreadySaid(wanted, stored.conditions)) {
        this.#ready.delete(key);
        continue;
      }
      const earliest = this.#earliest(stored, wanted);
      if (earliest > this.#options.clock.now()) {
        this.#ready.delete(key);
        this.#due.later(key, earliest);
        continue;
      }
      const waitMs = this.#rate.take();
      if (waitMs > 0) {
        this.#waiting = this.#options.clock.after(waitMs, () => {
          this.#waiting = undefined;
          this.#pump();
        });
        return;
      }
      this.#ready.delete(key);
      this.#due.spent(key);
      this.#writtenAt.set(key, this.#options.clock.now());
      this.#writing.set(key, this.#write(stored, wanted));
    }
  }

  /** Numbers that move all the time in a large mesh are worth a write now and then. */
  #earliest({ key, conditions }: Stored, wanted: readonly Verdict[]): number {
    if (!almostSaid(wanted, conditions)) return 0;
    const holding = wanted.every(({ status }) => status === 'True');
    return (this.#writtenAt.get(key) ?? 0) + (holding ? wordsMs.holding : wordsMs.moving);
  }

  #mayWrite(): boolean {
    if (this.#held || this.#stop.signal.aborted) return false;
    return this.#waiting === undefined && this.#paused === undefined && this.#writing.size < maxParallel;
  }

  async #write(stored: Stored, wanted: readonly Verdict[]): Promise<void> {
    const { client, clock } = this.#options;
    const { key, kind, served, namespace, name } = stored;
    const path = `/apis/${served.apiVersion}/namespaces/${namespace}/${kind.plural}/${name}/status`;
    try {
      const answer = await client.request('PATCH', path, {
        query: { fieldManager: fieldManagers.status, force: true },
        body: statusBody(stored, withTimes(wanted, stored.conditions, clock.now())),
        contentType: 'application/apply-patch+yaml',
        signal: this.#stop.signal,
        timeoutMs,
      });
      this.#backoff.reset();
      this.#learn(stored, answer);
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.#failed(key, MeshError.from(thrown));
    }
    this.#writing.delete(key);
    this.#pump();
  }

  /** The watch will tell the same soon; until then nothing is to be compared with what was there before. */
  #learn(stored: Stored, answer: unknown): void {
    const object = { metadata: { name: stored.name, namespace: stored.namespace }, ...Object(answer) };
    const { uid, conditions, raw } = storedOf(stored.kind, stored.served, object);
    const current = this.#stored.get(stored.key);
    if (current === stored && uid === stored.uid) this.#stored.set(stored.key, { ...stored, conditions, raw });
  }

  #failed(key: string, error: MeshError): void {
    const { log } = this.#options;
    const fields = { object: key, code: error.code, error: error.message };
    switch (error.code) {
      // It is gone, or another one has its name: the watch tells what comes next.
      case 'not-found':
      case 'conflict':
        log.debug(fields, 'the object of a status is gone');
        return;
      case 'bad-argument':
        log.warn(fields, 'the server refuses a status');
        return;
      default:
        this.#ready.add(key);
        if (this.#paused !== undefined) return;
        // What was under way at the same time fails with it, and is no further failure.
        if (this.#backoff.failures === 0) log.warn(fields, 'status can not be written: trying again');
        this.#paused = this.#options.clock.after(this.#backoff.next(), () => {
          this.#paused = undefined;
          this.#pump();
        });
    }
  }
}

/** Only what is ours, unless the list of conditions can't be shared: then the others' go with it. */
function statusBody(stored: Stored, ours: readonly Condition[]): object {
  const { kind, served, namespace, name, uid, raw } = stored;
  const types = new Set(ours.map((each) => each.type));
  const others = served.merges ? [] : raw.filter((each) => !('type' in each && types.has(String(each.type))));
  return {
    apiVersion: served.apiVersion,
    kind: kind.kind,
    // With the uid, a new object of the same name is not taken for the old one.
    metadata: { name, namespace, uid },
    status: { conditions: [...others, ...ours] },
  };
}
