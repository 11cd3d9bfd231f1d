import type { KubeObject } from '../kube/object.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the API server sends is looked at field by field: an object of another version may lack any of them. */
export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in a field; an empty one if there is none. */
export function recordIn(object: Fields, field: string): Fields {
  const value = object[field];
  return isRecord(value) ? value : {};
}

/** The objects in a list; none if there is no list. */
export function recordsIn(object: Fields, field: string): readonly Fields[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** A number; 0 if there is none, as in the API's own types. */
export function numberIn(object: Fields, field: string): number {
  const value = object[field];
  return typeof value === 'number' ? value : 0;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

/** `status.conditions` of an object. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  return recordsIn(recordIn(object, 'status'), 'conditions').map((condition) => ({
    type: String(condition['type']),
    status: String(condition['status']),
    message: String(condition['message'] ?? ''),
  }));
}
