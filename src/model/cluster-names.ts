/**
 * Names of what a mesh has in a Kubernetes cluster. The installer makes these objects or grants rights on them by name, the
 * control plane reads and writes them, injected pods mount them: all must mean the same.
 */

/** Deployment, Service, ServiceAccount, roles and their bindings are all called this. */
export const appName = 'coxswain';
/** The MutatingWebhookConfiguration. */
export const injectorName = 'coxswain-injector';
/** The ValidatingWebhookConfiguration. */
export const validatorName = 'coxswain-validator';
/** The Lease by which one replica is chosen for what must be written once. */
export const leaseName = 'coxswain-leader';
/** On the ConfigMaps in which replicas report how far policies have spread; its value is `true`. */
export const replicaReportLabel = 'coxswain.io/replica-report';

/** The ConfigMap with the mesh's root, in every namespace of the mesh (behaviour.md section 6.4). */
export const rootConfigMapName = 'istio-ca-root-cert';
/** On that ConfigMap; its value is `true`. */
export const rootConfigMapLabel = 'istio.io/config';

/** The ConfigMap with the mesh settings, in the root namespace. */
export const meshConfigMapName = 'istio';
/** Key of the settings in it. */
export const meshConfigMapKey = 'mesh';

/** The CA that an operator brought (from another authority, or by cert-manager); goes before our own. */
export const pluggedCaSecretName = 'cacerts';
/** The CA that was made by whoever came first: a control plane of ours, or of Istio's. */
export const ownCaSecretName = 'istio-ca-secret';

/** Who owns which fields (server-side apply). */
export const fieldManagers = {
  install: 'coxswain-install',
  status: 'coxswain-status',
  controlPlane: 'coxswain',
} as const;

/** Labels on every object that is made by us: by these an installation knows its own again. */
export const ownLabels: Readonly<Record<string, string>> = {
  app: 'coxswain',
  'app.kubernetes.io/name': 'coxswain',
  'app.kubernetes.io/part-of': 'coxswain',
};

/** Images of what runs in a cluster, where an operator names no others. */
export const defaultImages = {
  /** The control plane, and the init container of injected pods. */
  coxswain: 'coxswain:0.1.0',
  envoy: 'envoyproxy/envoy:distroless-v1.40.0',
  /** Envoy in an image that has bash too. */
  envoyWithBash: 'envoyproxy/envoy:v1.40.0',
} as const;

/** Audience of the tokens that are projected into injected pods. */
export const tokenAudience = 'coxswain';

/** The control plane's own DNS name: server name and required subject alternative name of every bootstrap we write. */
export function controlPlaneHost(rootNamespace: string): string {
  return `${appName}.${rootNamespace}.svc`;
}
