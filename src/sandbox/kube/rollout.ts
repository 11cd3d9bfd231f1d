import { deploymentReason } from '../../install/deployment-state.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { numberIn, objectIn } from '../../lib/json-fields.ts';
import { isPod } from './pod.ts';
import { isReady } from './pod-status.ts';

/** Why an applied object isn't up yet; `undefined` if it is, or is of a kind that runs nothing. */
export function rolloutReason(object: KubeObject, kind: string): string | undefined {
  const name = `${kind} ${object.metadata.name}`;
  const status = objectIn(object, 'status');
  switch (kind) {
    case 'Deployment': {
      const reason = deploymentReason(object);
      return reason === undefined ? undefined : `${name}: ${reason}`;
    }
    case 'StatefulSet':
    case 'ReplicaSet':
      return ready(name, object, numberIn(objectIn(object, 'spec'), 'replicas'), numberIn(status, 'readyReplicas'));
    case 'DaemonSet':
      return ready(name, object, numberIn(status, 'desiredNumberScheduled'), numberIn(status, 'numberReady'));
    case 'Pod': {
      const { phase, conditions = [] } = isPod(object) ? (object.status ?? {}) : {};
      return phase === 'Succeeded' || isReady(conditions) ? undefined : `${name}: ${phase ?? 'Pending'}, not ready`;
    }
    default:
      return undefined;
  }
}

/** Asks the API server for those that run something; the reasons of those that are not up. */
export async function rolloutReasons(
  client: KubeClient,
  objects: readonly { readonly kind: string; readonly path: string }[],
): Promise<readonly string[]> {
  const reasons = await Promise.all(objects.map(async ({ kind, path }) => rolloutReason(await client.get(path), kind)));
  return reasons.filter((each) => each !== undefined);
}

function ready(name: string, object: KubeObject, wanted: number, there: number): string | undefined {
  const seen = numberIn(objectIn(object, 'status'), 'observedGeneration') >= (object.metadata.generation ?? 0);
  return seen && there >= wanted ? undefined : `${name}: ${there} of ${wanted} ready`;
}
