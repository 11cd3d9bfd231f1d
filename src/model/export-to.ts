/** Who may use a networking object: everybody, nobody, or the clients of some namespaces (`.` was replaced by the object's own). */
export type ExportTo = 'all' | readonly string[];

/** May a client of `namespace` use what is exported so? */
export function visibleIn(exportTo: ExportTo, namespace: string): boolean {
  return exportTo === 'all' || exportTo.includes(namespace);
}
