import type { PodPlan } from './pod-plan.ts';

/** The Pod as an API server would hold it while it runs: what the control plane reads of it, and no more. */
export function podObject(pod: PodPlan): Readonly<Record<string, unknown>> {
  const labels =
    pod.injected && pod.proxy === 'sidecar' ? { ...pod.labels, 'security.istio.io/tlsMode': 'istio' } : pod.labels;
  const ports = pod.ports.map((each) => ({
    ...(each.name === '' ? {} : { name: each.name }),
    containerPort: each.port,
    protocol: each.transport.toUpperCase(),
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels,
      ...(Object.keys(pod.annotations).length === 0 ? {} : { annotations: pod.annotations }),
    },
    spec: {
      serviceAccountName: pod.serviceAccount,
      containers: [{ name: pod.proxy === 'router' ? 'istio-proxy' : 'app', ...(ports.length === 0 ? {} : { ports }) }],
    },
    status: {
      phase: 'Running',
      podIP: pod.ip,
      podIPs: [{ ip: pod.ip }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}
