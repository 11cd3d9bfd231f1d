import type { KubeObject } from '../kube/object.ts';
import { numberIn, objectIn } from '../lib/json-fields.ts';
import { maxReplicas } from './availability.ts';
import { conditionsOf } from './conditions.ts';

/** Why a Deployment is not ready yet; undefined once all replicas are of the last revision and available. */
export function deploymentReason(deployment: KubeObject | undefined): string | undefined {
  if (deployment === undefined) return 'is not there';
  const status = objectIn(deployment, 'status');
  if (numberIn(status, 'observedGeneration') < (deployment.metadata.generation ?? 0)) return 'is not looked at yet';
  const wanted = numberIn(objectIn(deployment, 'spec'), 'replicas');
  const updated = numberIn(status, 'updatedReplicas');
  const available = numberIn(status, 'availableReplicas');
  const old = numberIn(status, 'replicas') - updated;
  if (updated >= wanted && available >= wanted && old <= 0) return undefined;
  const messages = conditionsOf(deployment)
    .filter(({ type, status: holds }) => (type === 'ReplicaFailure') === (holds === 'True') && type !== 'Progressing')
    .map(({ message }) => message);
  return [`${available} of ${wanted} replicas are ready; ${updated} are new, ${old} old`, ...messages].join('; ');
}

/** How many replicas to ask for, where `wanted` is the minimum and an autoscaler may have added some. */
export function replicasToAsk(wanted: number, existing: KubeObject): number {
  const current = numberIn(objectIn(existing, 'spec'), 'replicas');
  return Math.min(Math.max(wanted, current), maxReplicas(wanted));
}
