/** An object that we make, as the API takes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What an object is called, and no more. */
export type ManifestName = Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>;

/** Every kind that an installation holds: its collection in the API. */
const plurals: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  CustomResourceDefinition: 'customresourcedefinitions',
  Deployment: 'deployments',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
  Lease: 'leases',
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  Namespace: 'namespaces',
  PodDisruptionBudget: 'poddisruptionbudgets',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
};

/** Path of an object in the API. */
export function pathOf({ apiVersion, kind, metadata }: ManifestName): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${base}${scope}/${plurals[kind]}/${metadata.name}`;
}

/** `deployment.apps/coxswain`, as kubectl writes it; with the namespace where there is one. */
export function nameText({ apiVersion, kind, metadata }: ManifestName): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.slice(0, apiVersion.indexOf('/'))}` : '';
  const place = metadata.namespace === undefined ? '' : ` (${metadata.namespace})`;
  return `${kind.toLowerCase()}${group}/${metadata.name}${place}`;
}
