/** Where an object was read: a file and line, or the cluster. Every explanation ends at one of these. */
export type Origin =
  | { readonly kind: 'file'; readonly path: string; readonly line: number }
  | { readonly kind: 'cluster'; readonly cluster: string };

/** `path:line`, or the name of the cluster: how an origin is shown to people. */
export function originText(origin: Origin): string {
  return origin.kind === 'file' ? `${origin.path}:${origin.line}` : origin.cluster;
}

export type Labels = Readonly<Record<string, string>>;

/** What every object has. `namespace` is '' for cluster-scoped kinds. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** ms since the epoch. Files without a creationTimestamp get 0, so that order is by name (oldest wins, ties by name). */
  readonly createdAt: number;
  readonly uid: string;
  readonly generation: number;
  readonly origin: Origin;
}

/** Key of one object among all kinds, for example `PeerAuthentication/foo/default`. */
export function objectKey(object: {
  readonly kind: string;
  readonly meta: { readonly namespace: string; readonly name: string };
}): string {
  return `${object.kind}/${object.meta.namespace}/${object.meta.name}`;
}

/** Oldest first; a tie goes to the name, then the namespace, ascending (behaviour.md, Conventions). */
export function byAge(a: { readonly meta: ObjectMeta }, b: { readonly meta: ObjectMeta }): number {
  return (
    a.meta.createdAt - b.meta.createdAt ||
    compareText(a.meta.name, b.meta.name) ||
    compareText(a.meta.namespace, b.meta.namespace)
  );
}

/** Code-unit order: the same on every machine, unlike a locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
