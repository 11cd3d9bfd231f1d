import { controlPlaneHost, defaultImages } from '../model/cluster-names.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { defaultMesh } from '../model/mesh.ts';

export type ProxyLogLevel = 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';

/** CPU and memory as Kubernetes writes quantities. */
export interface Quantities {
  readonly cpu?: string;
  readonly memory?: string;
}

/** What an operator may set about injection; a pod's annotations go before it. */
export interface InjectSettings {
  /** The revision that this control plane is; `istio.io/rev` of others is left to them. */
  readonly revision: string;
  /** Namespace of the control plane. */
  readonly rootNamespace: string;
  readonly dnsDomain: string;
  readonly clusterId: string;
  /** Image of the init container, whose entry point is `coxswain`. */
  readonly image: string;
  /** Image of Envoy. */
  readonly proxyImage: string;
  /** Image of Envoy where the sidecar is an ordinary container: it needs bash for its hooks (classic-hooks.ts). */
  readonly classicProxyImage: string;
  /** Does the cluster run init containers with `restartPolicy: Always` (Kubernetes 1.29 and later)? */
  readonly nativeSidecars: boolean;
  readonly rewriteProbes: boolean;
  /** Where sidecars find the control plane. */
  readonly controlPlane: { readonly host: string; readonly port: number };
  readonly logLevel: ProxyLogLevel;
  /** Worker threads of Envoy. */
  readonly concurrency: number;
  readonly requests: Quantities;
  readonly limits: Quantities;
}

/** What holds where nothing else is said. */
export function defaultInjectSettings(rootNamespace = defaultMesh.rootNamespace): InjectSettings {
  return {
    revision: 'default',
    rootNamespace,
    dnsDomain: 'cluster.local',
    clusterId: 'Kubernetes',
    image: defaultImages.coxswain,
    proxyImage: defaultImages.envoy,
    classicProxyImage: defaultImages.envoyWithBash,
    nativeSidecars: true,
    rewriteProbes: true,
    controlPlane: { host: controlPlaneHost(rootNamespace), port: controlPlanePorts.xds },
    logLevel: 'warning',
    concurrency: 2,
    requests: { cpu: '100m', memory: '128Mi' },
    limits: { cpu: '2', memory: '1Gi' },
  };
}
