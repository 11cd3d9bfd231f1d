/** One Kubernetes object as its file has it. `text` is the author's own, so comments survive into the live directory. */
export interface ManifestDocument {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Name under which an object lies in the live configuration directory: one object, one file, so that each can go alone. */
export function documentFile(object: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  const parts = object.namespace === '' ? [object.kind, object.name] : [object.kind, object.namespace, object.name];
  return `${parts.join('.').toLowerCase()}.yaml`;
}
