import type { Manifest } from './manifest.ts';

/** What Gateway objects choose the gateway by, and its Service. */
export const ingressSelector: Readonly<Record<string, string>> = { istio: 'ingressgateway' };

const name = 'istio-ingressgateway';
const account = `${name}-service-account`;
/** High ports, which need no right; the Service has those that callers know. */
const ports = { http2: 8080, https: 8443 } as const;

/**
 * An ingress gateway beside the control plane, under the names that Gateway objects and scripts expect. The injector makes
 * it of a pod that says hardly more than that it wants to be one, so it has the Envoy of the control plane's own version.
 */
export function ingressGatewayManifests(namespace: string): readonly Manifest[] {
  const metadata = { name, namespace, labels: ingressSelector };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, name: account } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        selector: ingressSelector,
        ports: [
          { name: 'status-port', port: 15021, targetPort: 15021, protocol: 'TCP' },
          { name: 'http2', port: 80, targetPort: ports.http2, protocol: 'TCP' },
          { name: 'https', port: 443, targetPort: ports.https, protocol: 'TCP' },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 2,
        revisionHistoryLimit: 3,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        selector: { matchLabels: ingressSelector },
        template: { metadata: templateMetadata(), spec: podSpec() },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: ingressSelector },
      },
    },
  ];
}

function templateMetadata(): object {
  return {
    labels: { app: name, ...ingressSelector, 'sidecar.istio.io/inject': 'true' },
    annotations: { 'inject.istio.io/templates': 'gateway' },
  };
}

function podSpec(): object {
  return {
    serviceAccountName: account,
    // Who it is, the injector's own token tells; the API server is none of its business.
    automountServiceAccountToken: false,
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { labelSelector: { matchLabels: ingressSelector }, topologyKey: 'kubernetes.io/hostname' },
          },
        ],
      },
    },
    containers: [
      {
        name: 'istio-proxy',
        image: 'auto',
        ports: Object.entries(ports).map(([port, containerPort]) => ({ name: port, containerPort, protocol: 'TCP' })),
      },
    ],
  };
}
