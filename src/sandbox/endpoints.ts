import type { PodPlan, ServicePlan, ServiceSpec } from './pod-plan.ts';

/** Fills in where each service leads, given the pods that run. */
export function resolveEndpoints(services: readonly ServiceSpec[], pods: readonly PodPlan[]): readonly ServicePlan[] {
  return services.map((service) => {
    const { selector } = service;
    if (selector === undefined) return { ...service, endpoints: [] };
    const selected = pods.filter(
      (pod) =>
        pod.namespace === service.namespace &&
        Object.entries(selector).every(([key, value]) => pod.labels[key] === value),
    );
    return { ...service, endpoints: selected.map((pod) => ({ ip: pod.ip, ports: targetPorts(service, pod) })) };
  });
}

function targetPorts(service: ServiceSpec, pod: PodPlan): Readonly<Record<string, number>> {
  const resolved: Record<string, number> = {};
  for (const port of service.ports) {
    const number =
      typeof port.targetPort === 'number'
        ? port.targetPort
        : pod.ports.find((each) => each.name === port.targetPort)?.port;
    if (number !== undefined) resolved[port.name] = number;
  }
  return resolved;
}
