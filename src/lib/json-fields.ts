import { isRecord } from './is-record.ts';

/** A JSON object that was looked at no further: what others wrote may lack any field, or hold another type there. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object in a field; an empty one if there is none. */
export function objectIn(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isRecord(value) ? value : {};
}

/** The objects in a list field; none if there is no list. */
export function objectsIn(object: JsonObject, field: string): readonly JsonObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The text in a field; '' if there is none. */
export function textIn(object: JsonObject, field: string): string {
  const value = object[field];
  return typeof value === 'string' ? value : '';
}

/** The texts of a map field, as labels and annotations are; what isn't text is left out. */
export function textsIn(object: JsonObject, field: string): Readonly<Record<string, string>> {
  const texts = Object.entries(objectIn(object, field)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(texts);
}

/** The number in a field; 0 if there is none, as in the Kubernetes API's own types. */
export function numberIn(object: JsonObject, field: string): number {
  const value = object[field];
  return typeof value === 'number' ? value : 0;
}
