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
  /** What of it is asked for; undefined: all. */
  readonly fieldSelector: string | undefined;
}

/**
 * Tokens, passwords and releases are most of a cluster's Secrets, and never a credential: the server doesn't even send them. Its field
 * selectors can only leave types out.
 */
const neverCredentials: readonly string[] = [
  'bootstrap.kubernetes.io/token',
  'helm.sh/release.v1',
  'kubernetes.io/basic-auth',
  'kubernetes.io/dockercfg',
  'kubernetes.io/dockerconfigjson',
  'kubernetes.io/service-account-token',
  'kubernetes.io/ssh-auth',
];
const fieldSelectors: Readonly<Record<string, string>> = {
  Secret: neverCredentials.map((type) => `type!=${type}`).join(),
};

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
  const builtIn = builtInGroups.includes(group);
  const fieldSelector = builtIn && Object.hasOwn(fieldSelectors, kind) ? fieldSelectors[kind] : undefined;
  return { group, kind, versions, required, plural: pluralOf(kind), builtIn, fieldSelector };
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
