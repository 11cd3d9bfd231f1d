import { Backoff } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { kubeKey } from '../../kube/object.ts';
import { type ReflectEvent, type ReflectOptions, reflect } from '../../kube/reflector.ts';
import { MeshError } from '../../lib/errors.ts';
import { pauseQuietly } from '../../lib/pause.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import { collectionPath, type WatchedKind } from './kinds.ts';
import type { Discovery } from './served-version.ts';
import { trimOf } from './trim.ts';

export interface FollowOptions extends Surroundings {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly pageSize?: number;
}

const firstAbsentMs = 2_000;
const longestAbsentMs = 10_000;

/**
 * Follows all objects of a kind, as {@link reflect} does, in whatever version the server has. A CRD may come, go, or lose
 * the version that is followed: only when the server has no version of the kind any more is everything of it gone.
 */
export async function* followKind(
  kind: WatchedKind,
  options: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly ReflectEvent[], void, void> {
  if (kind.builtIn) {
    yield* reflect(reflection(kind, kind.versions[0] ?? 'v1', options), signal);
    return;
  }
  const { clock, random } = options;
  const backoff = new Backoff(random);
  const known = new Known();
  let absences = 0;
  while (!signal.aborted) {
    const answer = await askVersion(kind, options);
    if (answer === undefined) {
      await pauseQuietly(clock, backoff.next(), signal);
      continue;
    }
    backoff.reset();
    const { version } = answer;
    const listed = version !== undefined && (yield* followVersion(reflection(kind, version, options), known, signal));
    if (signal.aborted) return;
    if (listed) absences = 0;
    else if (absences === 0) yield [...known.clear(), { type: 'absent' }];
    await pauseQuietly(clock, Math.min(firstAbsentMs * 2 ** Math.min(absences, 8), longestAbsentMs), signal);
    if (!listed) absences += 1;
  }
}

/** Follows one version until the server has it no more; false if it never had. What is gone then is for the caller to find out. */
async function* followVersion(
  options: ReflectOptions,
  known: Known,
  signal: AbortSignal,
): AsyncGenerator<readonly ReflectEvent[], boolean, void> {
  let listed = false;
  known.listAgain();
  for await (const batch of reflect(options, signal)) {
    if (batch.some((event) => event.type === 'absent')) break;
    if (!listed) options.log.debug({ path: options.path }, 'kind is followed');
    listed = true;
    yield known.take(batch);
  }
  return listed;
}

function reflection(kind: WatchedKind, version: string, options: FollowOptions): ReflectOptions {
  const { client, clock, random, log, pageSize } = options;
  const path = collectionPath(kind, version);
  const trim = trimOf(kind.kind, kind.required);
  const { fieldSelector } = kind;
  const selection = fieldSelector === undefined ? {} : { fieldSelector };
  return { client, path, trim, clock, random, log, ...selection, ...(pageSize === undefined ? {} : { pageSize }) };
}

/** Undefined if the server can't be asked. */
async function askVersion(
  kind: WatchedKind,
  { discovery, log }: FollowOptions,
): Promise<{ readonly version: string | undefined } | undefined> {
  try {
    return { version: await discovery.versionOf(kind) };
  } catch (thrown) {
    const error = MeshError.from(thrown).message;
    log.debug({ group: kind.group, error }, 'can not ask which versions are served: trying again');
    return undefined;
  }
}

type Deletion = Extract<ReflectEvent, { type: 'delete' }>;

/** The objects that the consumer was told of, whichever version they were read in. */
class Known {
  readonly #deletions = new Map<string, Deletion>();
  /** What the list in progress has shown; undefined once it is complete. */
  #seen: Set<string> | undefined;

  listAgain(): void {
    this.#seen = new Set();
  }

  /** The batch; where it completes a list, with what that no longer has. */
  take(batch: readonly ReflectEvent[]): readonly ReflectEvent[] {
    for (const event of batch) this.#note(event);
    const seen = this.#seen;
    if (seen === undefined || !batch.some(({ type }) => type === 'synced')) return batch;
    this.#seen = undefined;
    const gone = [...this.#deletions].filter(([key]) => !seen.has(key));
    for (const [key] of gone) this.#deletions.delete(key);
    return [...gone.map(([, deletion]) => deletion), ...batch];
  }

  #note(event: ReflectEvent): void {
    if (event.type === 'put') {
      const { namespace = '', name } = event.object.metadata;
      const key = kubeKey(event.object);
      this.#deletions.set(key, { type: 'delete', namespace, name });
      this.#seen?.add(key);
    } else if (event.type === 'delete') {
      const { namespace, name } = event;
      this.#deletions.delete(namespace === '' ? name : `${namespace}/${name}`);
    }
  }

  /** Forgets everything; what there was. */
  clear(): readonly Deletion[] {
    const all = [...this.#deletions.values()];
    this.#deletions.clear();
    return all;
  }
}
