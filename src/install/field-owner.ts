import type { KubeObject } from '../kube/object.ts';
import { objectsIn } from '../lib/json-fields.ts';

/** Does this manager own fields of the object (`metadata.managedFields`), in the object itself or in a subresource? */
export function ownsFields(object: KubeObject, manager: string, subresource = ''): boolean {
  return objectsIn({ ...object.metadata }, 'managedFields').some(
    (entry) => entry['manager'] === manager && (entry['subresource'] ?? '') === subresource,
  );
}
