import { kindReaders, unsupportedPolicies } from '../decode/kinds.ts';

/** One kind that is followed in a cluster. */
export interface WatchedKind {
  readonly group: string;
  readonly kind: string;
  /** Name of its collection in paths. */
  readonly plural: string;
  /** Those that our readers know, newest first. */
  readonly versions: readonly string[];
  /** Part of every Kubernetes API; the others come with a CRD that may be missing. */
  readonly builtIn: boolean;
  /** Read for more than to say that it is not supported: nothing is complete before it is. */
  readonly required: boolean;
}

const builtInGroups: readonly string[] = ['', 'discovery.k8s.io'];

/** All that is followed: every kind that has a reader, and the policies that are only reported. */
export const watchedKinds: readonly WatchedKind[] = [
  ...kindReaders.map(({ group, kind, versions }) => watched(group, kind, versions, true)),
  ...unsupportedPolicies.map((name) => {
    const [group = '', kind = ''] = name.split('/');
    return watched(group, kind, [], false);
  }),
];

function watched(group: string, kind: string, versions: readonly string[], required: boolean): WatchedKind {
  return { group, kind, versions, required, plural: pluralOf(kind), builtIn: builtInGroups.includes(group) };
}

/** How collections are called. After a vowel `y` stays: the API server's own guess (`meta.UnsafeGuessKindToResource`) knows no Gateways. */
function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular.endsWith('s')) return `${singular}es`;
  return /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

/** Path of all objects of a kind in one version, in all namespaces. */
export function collectionPath({ group, plural }: WatchedKind, version: string): string {
  return group === '' ? `/api/${version}/${plural}` : `/apis/${group}/${version}/${plural}`;
}
