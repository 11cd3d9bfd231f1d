import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { reflect } from '../../kube/reflector.ts';
import { MeshError } from '../../lib/errors.ts';
import { type JsonObject, objectIn, objectsIn, textIn } from '../../lib/json-fields.ts';
import { pauseQuietly } from '../../lib/pause.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import type { StatusKind } from '../../model/status-kinds.ts';
import type { Condition, ConditionStatus } from './conditions.ts';
import { type Served, served } from './kinds.ts';

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

export interface StoredOptions extends Surroundings {
  readonly client: KubeClient;
}

/** Who hears of what the cluster holds. */
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
    await pauseQuietly(clock, lookAgainMs, signal);
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

function withoutSpec(object: KubeObject): KubeObject {
  const { metadata, apiVersion, kind } = object;
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
    status: { conditions: conditionsIn(object) },
  };
}

/** Reads an object of the API. */
export function storedOf(kind: StatusKind, found: Served, object: KubeObject): Stored {
  const { name, namespace = '', uid = '', generation = 0 } = object.metadata;
  const raw = conditionsIn(object);
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

function conditionsIn(object: KubeObject): readonly JsonObject[] {
  return objectsIn(objectIn(object, 'status'), 'conditions');
}

const statuses: readonly ConditionStatus[] = ['True', 'False', 'Unknown'];

/** A condition that another manager left half written counts as far as it goes. */
function conditionOf(value: JsonObject): readonly Condition[] {
  const type = textIn(value, 'type');
  const status = statuses.find((each) => each === value['status']);
  if (status === undefined || type === '') return [];
  return [
    {
      type,
      status,
      reason: textIn(value, 'reason'),
      message: textIn(value, 'message'),
      observedGeneration: Number(value['observedGeneration'] ?? 0),
      lastTransitionTime: textIn(value, 'lastTransitionTime'),
    },
  ];
}
