import {
  appName,
  injectorName,
  leaseName,
  ownCaSecretName,
  pluggedCaSecretName,
  rootConfigMapName,
  validatorName,
} from '../model/cluster-names.ts';
import type { Manifest } from './manifest.ts';
import { meshKinds } from './mesh-kinds.ts';

/** One rule of a role (rbac.authorization.k8s.io/v1). */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** To follow a collection, or one object of it by a field selector. */
const watch = ['list', 'watch'];

/** Kinds of ours that are read, by group. Legacy groups count too: that they hold something must show. */
const read: Readonly<Record<string, readonly string[]>> = {
  ...meshKinds,
  'authentication.istio.io': ['meshpolicies', 'policies'],
  'rbac.istio.io': ['clusterrbacconfigs', 'rbacconfigs', 'servicerolebindings', 'serviceroles'],
};

/** What the control plane may do in the whole cluster. It can change no workload and no policy. */
export const clusterRules: readonly PolicyRule[] = [
  // What the mesh is made of.
  { apiGroups: [''], resources: ['namespaces', 'pods', 'serviceaccounts', 'services'], verbs: watch },
  // A pod may come right after its namespace, before the watch has told about that.
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
  // Certificates and keys of gateways, in whichever namespace those run. What is no such thing is dropped as it is read.
  { apiGroups: [''], resources: ['secrets'], verbs: watch },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: watch },
  ...Object.entries(read).map(([group, resources]) => ({ apiGroups: [group], resources, verbs: watch })),
  // What the control plane says about them.
  {
    apiGroups: ['security.istio.io'],
    resources: ['authorizationpolicies/status', 'peerauthentications/status', 'requestauthentications/status'],
    verbs: ['patch'],
  },
  {
    apiGroups: ['networking.istio.io'],
    resources: [
      'destinationrules/status',
      'gateways/status',
      'serviceentries/status',
      'sidecars/status',
      'virtualservices/status',
    ],
    verbs: ['patch'],
  },
  // Who is it that connects?
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  // The mesh root in every namespace. It is made by server-side apply, whose request names it: so `create` can be bound to a name.
  {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [rootConfigMapName],
    verbs: [...watch, 'create', 'patch', 'delete'],
  },
  // The CA bundle of our own webhooks.
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations'],
    resourceNames: [injectorName],
    verbs: [...watch, 'patch'],
  },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingwebhookconfigurations'],
    resourceNames: [validatorName],
    verbs: [...watch, 'patch'],
  },
];

/** What it may do beyond that in the root namespace. */
export const rootRules: readonly PolicyRule[] = [
  // The CA, read by name; the first replica of a mesh makes it.
  { apiGroups: [''], resources: ['secrets'], resourceNames: [pluggedCaSecretName, ownCaSecretName], verbs: ['get'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  // Mesh settings are read, reports of the replicas are read and written.
  { apiGroups: [''], resources: ['configmaps'], verbs: [...watch, 'create', 'patch', 'delete'] },
  // One replica leads.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [leaseName],
    verbs: ['get', 'update'],
  },
];

const apiVersion = 'rbac.authorization.k8s.io/v1';

/** Both roles, and their bindings to the control plane's service account. */
export function accessManifests(namespace: string): readonly Manifest[] {
  const subjects = [{ kind: 'ServiceAccount', name: appName, namespace }];
  const roleRef = (kind: string, name: string): object => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name: appName }, rules: clusterRules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: appName },
      roleRef: roleRef('ClusterRole', appName),
      subjects,
    },
    { apiVersion, kind: 'Role', metadata: { name: appName, namespace }, rules: rootRules },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { name: appName, namespace },
      roleRef: roleRef('Role', appName),
      subjects,
    },
  ];
}
