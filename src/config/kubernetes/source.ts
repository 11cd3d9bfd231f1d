import type { KubeClient } from '../../kube/client.ts';
import type { ReflectEvent } from '../../kube/reflector.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import type { ConfigSource, SourceEvent } from '../source.ts';
import { ClusterObjects } from './cluster-objects.ts';
import { followKind } from './follow-kind.ts';
import { type WatchedKind, watchedKinds } from './kinds.ts';
import { merge } from './merge.ts';
import { Discovery } from './served-version.ts';

export interface KubernetesSourceOptions extends Surroundings {
  readonly client: KubeClient;
  /** Name of the cluster: where findings say that an object comes from. */
  readonly cluster: string;
  /** Objects per page of a list; 500 by default. */
  readonly pageSize?: number;
}

/** A {@link ConfigSource} over a Kubernetes API. */
export interface KubernetesSource extends ConfigSource {
  /** Kinds whose first list is still missing: what a control plane that is not ready waits for. */
  readonly pending: readonly string[];
}

/** What came of one kind. */
interface KindBatch {
  readonly kind: WatchedKind;
  readonly events: readonly ReflectEvent[];
}

/**
 * Follows a Kubernetes API (issue 4): every kind that has a reader, in all namespaces, through the one parser. Nothing is
 * said before each of them has been listed or is known to be absent: then all of it comes as one batch, `reset` to
 * `synced`. From there on, batches hold what changed. An API server that can't be reached changes nothing.
 */
export function kubernetesSource(options: KubernetesSourceOptions): KubernetesSource {
  const stop = new AbortController();
  const pending = new Set(watchedKinds.filter((kind) => kind.required));
  return {
    events: (signal) => followCluster(options, pending, AbortSignal.any([signal, stop.signal])),
    get pending() {
      return [...pending].map(({ kind }) => kind);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
    },
  };
}

async function* followCluster(
  options: KubernetesSourceOptions,
  pending: Set<WatchedKind>,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceEvent[], void, void> {
  const { client, cluster, log } = options;
  const discovery = new Discovery(client, signal);
  const objects = new ClusterObjects(cluster);
  let synced = false;
  const streams = watchedKinds.map((kind) => batchesOf(kind, { ...options, discovery }, signal));
  for await (const batches of merge(streams)) {
    const changes = batches.flatMap((batch) => take(objects, batch));
    for (const { kind, events } of batches) {
      if (events.some(({ type }) => type === 'synced' || type === 'absent')) pending.delete(kind);
    }
    if (synced) {
      if (changes.length === 0) continue;
      log.debug({ cluster, events: changes.length }, 'configuration changed');
      yield changes;
    } else if (pending.size === 0) {
      synced = true;
      yield [{ type: 'reset', objects: objects.objects }, ...objects.findings, { type: 'synced' }];
    }
  }
}

async function* batchesOf(
  kind: WatchedKind,
  options: Parameters<typeof followKind>[1],
  signal: AbortSignal,
): AsyncGenerator<KindBatch, void, void> {
  for await (const events of followKind(kind, options, signal)) yield { kind, events };
}

function take(objects: ClusterObjects, { kind: { kind }, events }: KindBatch): readonly SourceEvent[] {
  return events.flatMap((event): readonly SourceEvent[] => {
    if (event.type === 'put') return objects.put(kind, event.object);
    return event.type === 'delete' ? objects.delete(kind, event.namespace, event.name) : [];
  });
}
