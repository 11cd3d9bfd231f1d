import type { KindReader } from './kind.ts';

/** Namespaces: only their name and labels matter here. */
export const namespaceReader: KindReader = {
  kind: 'Namespace',
  group: '',
  versions: ['v1'],
  namespaced: false,
  fields: ['spec', 'status'],
  read({ document, metadata }) {
    document.get('spec').fields(['finalizers']);
    return { object: { kind: 'Namespace', meta: metadata.meta } };
  },
};

/** Service accounts: half of every workload's identity. */
export const serviceAccountReader: KindReader = {
  kind: 'ServiceAccount',
  group: '',
  versions: ['v1'],
  namespaced: true,
  fields: ['automountServiceAccountToken', 'imagePullSecrets', 'secrets'],
  read({ document, metadata }) {
    document.get('automountServiceAccountToken').boolean();
    document.get('imagePullSecrets').items();
    document.get('secrets').items();
    return { object: { kind: 'ServiceAccount', meta: metadata.meta } };
  },
};
