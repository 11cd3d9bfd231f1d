/** Whether this is a JSON object, or a YAML mapping, whose fields may be looked at; a list or null is none. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
