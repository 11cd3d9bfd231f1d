import type { NamespaceSecrets } from '../model/credential.ts';
import { compareText, type Labels } from '../model/object.ts';
import { selects } from '../model/selector.ts';
import type { EndpointSlice, Service, ServicePort } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { inNamespace, type Snapshot } from './snapshot.ts';

/** One address that a service port leads to. */
export interface Endpoint {
  readonly address: string;
  /** The port that the workload listens on. */
  readonly port: number;
  /** What runs there, if it is known: identity, labels and TLS mode come from it alone. */
  readonly workload: Workload | undefined;
}

/** What runs in a namespace, pods first: a name may stand for one of each. */
export function* workloadsIn(snapshot: Snapshot, namespace: string): Iterable<Workload> {
  yield* inNamespace(snapshot.pods, namespace);
  yield* inNamespace(snapshot.workloadEntries, namespace);
}

/** The workload of a proxy: its pod, else the workload entry of that name. */
export function findWorkload(snapshot: Snapshot, namespace: string, name: string): Workload | undefined {
  return snapshot.pods.get(namespace)?.get(name) ?? snapshot.workloadEntries.get(namespace)?.get(name);
}

/** Does a service's selector choose these labels? A service without selector, or with an empty one, chooses nothing. */
export function serviceSelects(service: Service, labels: Labels): boolean {
  return (
    service.selector !== undefined &&
    Object.keys(service.selector).length > 0 &&
    selects({ matchLabels: service.selector }, labels)
  );
}

/** The number behind a target port on one workload; undefined when it names no port there. */
export function resolveTargetPort(port: ServicePort, workload: Workload | undefined): number | undefined {
  return typeof port.targetPort === 'number'
    ? port.targetPort
    : portOfName(workload?.namedPorts ?? {}, port.targetPort);
}

/** The number of a named port; no inherited property counts, since `constructor` is a valid port name. */
export function portOfName(namedPorts: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(namedPorts, name) ? namedPorts[name] : undefined;
}

/**
 * The endpoints of each port of a service, each once, in a stable order: those that are ready, or all that there are.
 * EndpointSlices decide about pods where there are any for the service (on Kubernetes: always); otherwise its selector does.
 * Workload entries, of which a cluster's own controllers know nothing, are selected in either case. Nothing depends on the
 * order in which objects came.
 */
export function endpointsOf(
  snapshot: Snapshot,
  service: Service,
  which: 'ready' | 'all' = 'ready',
): ReadonlyMap<ServicePort, readonly Endpoint[]> {
  const slices = [...inNamespace(snapshot.endpointSlices, service.meta.namespace)].filter(
    (slice) => slice.service === service.meta.name,
  );
  const all = which === 'all';
  const namespace = service.meta.namespace;
  if (slices.length === 0) {
    const selected = selectedEndpoints(service, workloadsIn(snapshot, namespace), all);
    return new Map(service.ports.map((port) => [port, once(selected(port))]));
  }
  const listed = listedEndpoints(snapshot, service, slices, all);
  const entries = selectedEndpoints(service, inNamespace(snapshot.workloadEntries, namespace), all);
  return new Map(service.ports.map((port) => [port, once([...listed(port), ...entries(port)])]));
}

type FindEndpoints = (port: ServicePort) => readonly Endpoint[];

function listedEndpoints(
  snapshot: Snapshot,
  service: Service,
  slices: readonly EndpointSlice[],
  all: boolean,
): FindEndpoints {
  const { namespace } = service.meta;
  const workloadAt = new Map<string, Workload>();
  for (const workload of workloadsIn(snapshot, namespace)) {
    for (const address of workload.addresses) {
      const known = workloadAt.get(address);
      if (known === undefined || byClaim(workload, known) < 0) workloadAt.set(address, workload);
    }
  }
  return ({ name }) =>
    slices.flatMap((slice) => {
      const port = slice.ports.find((each) => each.name === name)?.port;
      if (port === undefined) return [];
      return slice.endpoints.flatMap(({ addresses: [address], ready, pod }) => {
        if (!(ready || all) || address === undefined) return [];
        const named = pod === '' ? undefined : findWorkload(snapshot, namespace, pod);
        return [{ address, port, workload: named ?? workloadAt.get(address) }];
      });
    });
}

function selectedEndpoints(service: Service, workloads: Iterable<Workload>, all: boolean): FindEndpoints {
  const selected = [...workloads].filter(
    (workload) => (workload.ready || all) && serviceSelects(service, workload.labels),
  );
  return (servicePort) =>
    selected.flatMap((workload) => {
      const [address] = workload.addresses;
      const port = resolveTargetPort(servicePort, workload);
      return address === undefined || port === undefined ? [] : [{ address, port, workload }];
    });
}

/** By address and port, each pair once: slices may overlap, and a new pod may have the address of one that ended. */
export function once(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const sorted = [...endpoints].sort(
    (a, b) => compareText(a.address, b.address) || a.port - b.port || byClaim(a.workload, b.workload),
  );
  return sorted.filter(({ address, port }, index) => {
    const previous = sorted[index - 1];
    return previous?.address !== address || previous.port !== port;
  });
}

/** Which of two workloads stands behind an address that both claim: a known and ready one, then by kind and name. */
function byClaim(a: Workload | undefined, b: Workload | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return Number(b.ready) - Number(a.ready) || compareText(a.kind, b.kind) || compareText(a.meta.name, b.meta.name);
}

/**
 * A service without a selector that lists a workload. Kubernetes ignores the target ports of such a service: the port that
 * the workload listens on is the one its EndpointSlices say, under the service port's name.
 */
export interface Pin {
  readonly service: string;
  /** By name, then number. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/** The services without a selector whose EndpointSlices list one of these addresses, by name. */
export function pinningServices(snapshot: Snapshot, namespace: string, addresses: readonly string[]): readonly Pin[] {
  const ports = new Map<string, Map<string, Pin['ports'][number]>>();
  for (const slice of inNamespace(snapshot.endpointSlices, namespace)) {
    const service = snapshot.services.get(namespace)?.get(slice.service);
    if (service === undefined || service.selector !== undefined) continue;
    if (!slice.endpoints.some((endpoint) => endpoint.addresses.some((each) => addresses.includes(each)))) continue;
    const known = ports.get(slice.service) ?? new Map();
    ports.set(slice.service, known);
    for (const { name, port } of slice.ports) known.set(`${name}:${port}`, { name, port });
  }
  return [...ports]
    .sort(([a], [b]) => compareText(a, b))
    .map(([service, listed]) => ({
      service,
      ports: [...listed.values()].sort((a, b) => compareText(a.name, b.name) || a.port - b.port),
    }));
}

/** The Secrets that gateways of a namespace are sent. */
export const secretsIn = ({ secrets }: Snapshot, namespace: string): NamespaceSecrets => ({
  namespace,
  find: (name) => secrets.get(namespace)?.get(name),
});
