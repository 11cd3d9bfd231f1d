/** What an operator may choose about an installation. */
export interface InstallOptions {
  /** The root namespace: control plane, CA and mesh settings live here. */
  readonly namespace: string;
  readonly replicas: number;
  /** Image of the control plane, and of the init container of injected pods. */
  readonly image: string;
  /** Image of Envoy in injected pods. */
  readonly proxyImage: string;
  readonly logLevel: string;
  /** Mesh settings as YAML, for ConfigMap `istio`; without it, what is there stays. */
  readonly mesh: string | undefined;
  readonly crds: boolean;
}

export const defaultInstallOptions: InstallOptions = {
  namespace: 'istio-system',
  replicas: 2,
  image: 'coxswain:0.1.0',
  proxyImage: 'envoyproxy/envoy:distroless-v1.40.0',
  logLevel: 'info',
  mesh: undefined,
  crds: true,
};
