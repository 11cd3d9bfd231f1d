import type { KubeObject } from '../kube/object.ts';
import { objectIn, objectsIn } from '../lib/json-fields.ts';

/** One condition in an object's status, as the API server and its controllers write them. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

/** `status.conditions` of an object. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  return objectsIn(objectIn(object, 'status'), 'conditions').map((condition) => ({
    type: String(condition['type']),
    status: String(condition['status']),
    message: String(condition['message'] ?? ''),
  }));
}
