/** What all kinds of the networking API group share. */
export const networking = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  namespaced: true,
  fields: ['spec', 'status'],
} as const;

/** Hints for fields of a spec that stand at the top of the document. */
export const underSpec = (names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, 'indent it under "spec"']));
