import { defaultImages } from '../model/cluster-names.ts';
import { defaultMesh } from '../model/mesh.ts';

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
  /** An ingress gateway beside the control plane. */
  readonly ingressGateway: boolean;
}

/** What holds where nothing else is said. */
export const defaultInstallOptions: InstallOptions = {
  namespace: defaultMesh.rootNamespace,
  replicas: 2,
  image: defaultImages.coxswain,
  proxyImage: defaultImages.envoy,
  logLevel: 'info',
  mesh: undefined,
  crds: true,
  ingressGateway: false,
};
