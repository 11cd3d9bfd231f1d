import type { KubeObject } from '../kube/object.ts';
import { objectIn, objectsIn } from '../lib/json-fields.ts';
import { conditionsOf } from './conditions.ts';

/** Why objects of this CustomResourceDefinition can't be used yet; undefined once they can. */
export function establishedReason(crd: KubeObject | undefined): string | undefined {
  if (crd === undefined) return 'is not there';
  const conditions = conditionsOf(crd);
  const refused = conditions.find(({ type, status }) => type === 'NamesAccepted' && status === 'False');
  if (refused !== undefined) return `its names are taken: ${refused.message}`;
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
    ? undefined
    : 'is not established yet';
}

/** Which versions a CustomResourceDefinition serves: what can be read depends on it. */
export function versionsServed(crd: KubeObject): string {
  const names = objectsIn(objectIn(crd, 'spec'), 'versions')
    .filter((version) => version['served'] === true)
    .map((version) => String(version['name']));
  return `it serves ${names.join(', ') || 'no version'}`;
}
