/** Reading somebody else's JSON: absent and wrong are both "not there", because a newer Envoy may change either. */

/**
 * The value at a path of field names in snake_case. Both spellings of ProtoJSON are read: Envoy writes snake_case, and
 * dumps saved by `-o json` (as by `istioctl`) are in camelCase.
 */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    const fields = new Map<string, unknown>(Object.entries(current));
    current = fields.get(name) ?? fields.get(camelCase(name));
  }
  return current;
}

/** The list at a path; empty if there is none. */
export function list(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The text or number at a path, as text; '' if there is none. */
export function text(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
}

/** The names and values of the object at a path. */
export function entries(value: unknown, ...path: readonly string[]): readonly (readonly [string, unknown])[] {
  const found = at(value, ...path);
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.entries(found) : [];
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** What is below these has names that people chose, at every depth. */
const freeForm = new Set(['filter_metadata', 'struct', 'json_format', 'metadata_match_struct']);
/** Maps: their own keys are names that people chose, their values are messages again. */
const maps = new Set([
  'policies',
  'typed_per_filter_config',
  'typed_extension_protocol_options',
  'typed_filter_metadata',
  'labels',
]);

/** ProtoJSON in camelCase, as `istioctl proxy-config -o json|yaml` prints it: users' jq and yq expressions count on that. */
export function toCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCamelCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const name = camelCase(key);
      if (freeForm.has(key)) return [name, inner];
      if (maps.has(key) && typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
        return [name, Object.fromEntries(Object.entries(inner).map(([chosen, each]) => [chosen, toCamelCase(each)]))];
      }
      return [name, toCamelCase(inner)];
    }),
  );
}
