/** Names that users and other tools know from injected pods (behaviour.md 9.4). */
export const initContainerName = 'istio-init';
export const proxyContainerName = 'istio-proxy';

export const volumeNames = {
  /** Bootstrap and its companions, from the init container to Envoy. */
  envoy: 'istio-envoy',
  /** The pod's labels. */
  podInfo: 'istio-podinfo',
  /** The token that proves who the pod is. */
  token: 'istio-token',
  /** The mesh root. */
  root: 'istiod-ca-cert',
} as const;

export const podPaths = {
  envoy: '/etc/istio/proxy',
  podInfo: '/etc/istio/pod',
  labels: '/etc/istio/pod/labels',
  tokens: '/var/run/secrets/tokens',
  token: '/var/run/secrets/tokens/istio-token',
  roots: '/var/run/secrets/istio',
  root: '/var/run/secrets/istio/root-cert.pem',
} as const;

/** Owner of the proxy process; interception lets it through. */
export const proxyId = 1337;

/** Audience of the projected token. */
export const tokenAudience = 'coxswain';
export const tokenSeconds = 43_200;
/** The ConfigMap with the mesh root, in every namespace of the mesh. */
export const rootConfigMap = 'istio-ca-root-cert';

export const injectLabel = 'sidecar.istio.io/inject';
export const namespaceLabel = 'istio-injection';
export const revisionLabel = 'istio.io/rev';
export const tlsModeLabel = 'security.istio.io/tlsMode';
export const statusAnnotation = 'sidecar.istio.io/status';

/** Name that sidecars call the control plane by. */
export function controlPlaneHost(rootNamespace: string): string {
  return `coxswain.${rootNamespace}.svc`;
}
