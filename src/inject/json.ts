/** A JSON object that was looked at no further. Pods are rewritten as JSON, so that fields unknown to us survive. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in a field; an empty one if there is none. */
export function objectIn(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isObject(value) ? value : {};
}

/** The objects in a list field; none if there is no list. */
export function objectsIn(object: JsonObject, field: string): readonly JsonObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isObject) : [];
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

/** The object with one field set, where it stood before or else at the end. */
export function withField(object: JsonObject, field: string, value: unknown): JsonObject {
  return { ...object, [field]: value };
}

/** The object without a field. */
export function withoutField(object: JsonObject, field: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));
}
