import { ownLabels } from '../model/cluster-names.ts';

/** Was this object made by an installation of ours? */
export function isOurs(labels: Readonly<Record<string, string>> | undefined): boolean {
  return Object.entries(ownLabels).every(([key, value]) => labels?.[key] === value);
}

interface Labelled {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

/** The same object with our labels. */
export function labelled<T extends Labelled>(object: T): T {
  const { name, ...rest } = object.metadata;
  return { ...object, metadata: { name, ...rest, labels: { ...ownLabels, ...rest.labels } } };
}
