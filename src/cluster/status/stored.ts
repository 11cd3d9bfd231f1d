import { pause } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { reflect } from '../../kube/reflector.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Condition, ConditionStatus } from './conditions.ts';
import { type Served, type StatusKind, served } from './kinds.ts';

/** What the cluster holds of one object, as far as its status depends on it. */
export interface Stored {
  /** `Kind/namespace/name`. */
  readonly key: string;
  readonly kind: StatusKind;
  readonly served: Served;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly conditions: readonly Condition[];
  /** The same, as they stand there: other managers' conditions may have more fields. */
  readonly raw: readonly object[];
}

export interface StoredOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

export interface StoredEvents {
  readonly put: (stored: Stored) => void;
  readonly delete: (key: string) => void;
  /** All objects of a kind were told once, or there is no such kind. */
  readonly synced: (kind: StatusKind) => void;
}

const lookAgainMs = 10_000;

/**
 * Follows the objects of one kind, without their specs, until `signal` aborts. The leader needs a watch of its own, because the source of configuration
 * holds no status; in return it sees what others write there, and never has to write to find out.
 */
export async function followStored(
  kind: StatusKind,
  options: StoredOptions,
  events: StoredEvents,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    try {
      const found = await served(options.client, kind, signal);
      if (found === undefined) events.synced(kind);
      else await follow(kind, found, options, events, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      log.debug(
        { kind: kind.kind, error: MeshError.from(thrown).message },
        'status can not be looked at: trying again',
      );
    }
    await pause(clock, lookAgainMs, signal);
  }
}

/** Ends when the version is served no more. */
async function follow(
  kind: StatusKind,
  found: Served,
  options: StoredOptions,
  events: StoredEvents,
  signal: AbortSignal,
): Promise<void> {
  const path = `/apis/${found.apiVersion}/${kind.plural}`;
  for await (const batch of reflect({ ...options, path, trim: withoutSpec }, signal)) {
    for (const event of batch) {
      if (event.type === 'put') events.put(storedOf(kind, found, event.object));
      else if (event.type === 'delete') events.delete(`${kind.kind}/${event.namespace}/${event.name}`);
      else events.synced(kind);
    }
    if (batch.some((event) => event.type === 'absent')) return;
  }
}

function withoutSpec({ metadata, apiVersion, kind, status }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, generation } = metadata;
  const kept = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
  };
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: kept,
    status: { conditions: conditionsOf(status) },
  };
}

/** Reads an object of the API. */
export function storedOf(kind: StatusKind, found: Served, object: KubeObject): Stored {
  const { name, namespace = '', uid = '', generation = 0 } = object.metadata;
  const raw = conditionsOf(object['status']);
  return {
    key: `${kind.kind}/${namespace}/${name}`,
    kind,
    served: found,
    namespace,
    name,
    uid,
    generation,
    conditions: raw.flatMap(conditionOf),
    raw,
  };
}

function conditionsOf(status: unknown): readonly object[] {
  if (typeof status !== 'object' || status === null || !('conditions' in status)) return [];
  const { conditions } = status;
  return Array.isArray(conditions)
    ? conditions.filter((each: unknown): each is object => typeof each === 'object' && each !== null)
    : [];
}

const statuses: readonly ConditionStatus[] = ['True', 'False', 'Unknown'];

/** A condition that another manager left half written counts as far as it goes. */
function conditionOf(value: object): readonly Condition[] {
  const fields = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string => {
    const found = fields.get(name);
    return typeof found === 'string' ? found : '';
  };
  const status = statuses.find((each) => each === fields.get('status'));
  if (status === undefined || text('type') === '') return [];
  return [
    {
      type: text('type'),
      status,
      reason: text('reason'),
      message: text('message'),
      observedGeneration: Number(fields.get('observedGeneration') ?? 0),
      lastTransitionTime: text('lastTransitionTime'),
    },
  ];
}
