/** Deployment, Service, ServiceAccount, roles and their bindings are all called this. */
export const appName = 'coxswain';
export const injectorName = 'coxswain-injector';
export const validatorName = 'coxswain-validator';
/** The Lease of the leader, and the ConfigMaps in which replicas report, are written by the control plane. */
export const leaseName = 'coxswain-leader';
export const replicaReportLabel = 'coxswain.io/replica-report';
/** The mesh root, in every namespace of the mesh. */
export const rootConfigMapName = 'istio-ca-root-cert';
export const rootConfigMapLabel = 'istio.io/config';
export const meshConfigMapName = 'istio';
export const meshConfigMapKey = 'mesh';
/** The CA: one that an operator plugged in, or our own. */
export const pluggedCaSecretName = 'cacerts';
export const ownCaSecretName = 'istio-ca-secret';

/** Who owns which fields (server-side apply). */
export const fieldManagers = {
  install: 'coxswain-install',
  status: 'coxswain-status',
  controlPlane: 'coxswain',
} as const;

/** Ports that the control plane listens on. */
export const ports = { xds: 15_012, webhook: 15_017, monitoring: 15_014 } as const;
