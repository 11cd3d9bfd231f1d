import type { KubeObject } from '../../kube/object.ts';
import { isRecord } from '../../lib/is-record.ts';
import { objectsIn, textIn } from '../../lib/json-fields.ts';
import type { ServiceEndpoint, ServicePlan } from '../pod-plan.ts';
import { namespaceOf } from './pod.ts';

/** What services lead to, from Services and EndpointSlices (discovery/v1), as kube-proxy sees them. */
export function servicePlans(services: readonly KubeObject[], slices: readonly KubeObject[]): readonly ServicePlan[] {
  const byService = Map.groupBy(
    slices,
    (slice) => `${namespaceOf(slice)}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
  );
  return services
    .flatMap((service) => {
      const plan = servicePlan(service, byService.get(`${namespaceOf(service)}/${service.metadata.name}`) ?? []);
      return plan === undefined ? [] : [plan];
    })
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
}

function servicePlan(service: KubeObject, slices: readonly KubeObject[]): ServicePlan | undefined {
  const spec = service['spec'];
  if (!isRecord(spec) || spec['type'] === 'ExternalName') return undefined;
  const { clusterIP } = spec;
  return {
    name: service.metadata.name,
    namespace: namespaceOf(service),
    address: typeof clusterIP === 'string' && clusterIP !== 'None' && clusterIP !== '' ? clusterIP : undefined,
    selector: undefined,
    ports: objectsIn(spec, 'ports').map((port) => ({
      name: textIn(port, 'name'),
      port: Number(port['port']),
      targetPort:
        typeof port['targetPort'] === 'string' ? port['targetPort'] : Number(port['targetPort'] ?? port['port']),
      transport: port['protocol'] === 'UDP' ? 'udp' : 'tcp',
    })),
    endpoints: slices.flatMap(endpointsOf).sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0)),
  };
}

/** Those that are ready, or of which it isn't said that they are not. */
function endpointsOf(slice: KubeObject): readonly ServiceEndpoint[] {
  if (slice['addressType'] !== 'IPv4') return [];
  const ports = Object.fromEntries(
    objectsIn(slice, 'ports').flatMap((port) =>
      typeof port['port'] === 'number' ? [[textIn(port, 'name'), port['port']]] : [],
    ),
  );
  return objectsIn(slice, 'endpoints').flatMap((endpoint) => {
    const { conditions, addresses } = endpoint;
    if (isRecord(conditions) && conditions['ready'] === false) return [];
    const [ip] = Array.isArray(addresses) ? addresses : [];
    if (typeof ip !== 'string') return [];
    const { hostname } = endpoint;
    return [{ ip, ports, ...(typeof hostname === 'string' ? { hostname } : {}) }];
  });
}
