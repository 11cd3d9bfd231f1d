/** Names that users and other tools know from injected pods (behaviour.md 9.4). */
export const initContainerName = 'istio-init';
export const proxyContainerName = 'istio-proxy';

/** Volumes that both containers of a sidecar mount. */
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

/** Where those volumes are mounted, and what is read there. */
export const podPaths = {
  envoy: '/etc/istio/proxy',
  podInfo: '/etc/istio/pod',
  labels: '/etc/istio/pod/labels',
  tokens: '/var/run/secrets/tokens',
  token: '/var/run/secrets/tokens/istio-token',
  roots: '/var/run/secrets/istio',
  root: '/var/run/secrets/istio/root-cert.pem',
} as const;

/** How long a projected token is good for; the kubelet renews it long before. */
export const tokenSeconds = 43_200;

/** Labels by which pods and namespaces ask for injection, and the marks of what was injected (behaviour.md 9.4). */
export const injectLabel = 'sidecar.istio.io/inject';
export const namespaceLabel = 'istio-injection';
export const revisionLabel = 'istio.io/rev';
export const tlsModeLabel = 'security.istio.io/tlsMode';
export const statusAnnotation = 'sidecar.istio.io/status';
