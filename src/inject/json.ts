import type { JsonObject } from '../lib/json-fields.ts';

/** The object with one field set, where it stood before or else at the end. */
export function withField(object: JsonObject, field: string, value: unknown): JsonObject {
  return { ...object, [field]: value };
}
