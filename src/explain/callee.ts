import { fullHost, type Host, hostWithin } from '../model/host.ts';
import { type Protocol, type Service, serviceHost } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import type { Workload } from '../model/workload.ts';
import { endpointsOf } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';

/** A host that clients call, as its registry has it. */
export interface Callee {
  readonly host: Host;
  /** By service port. */
  readonly protocols: ReadonlyMap<number, Protocol>;
  /** Addresses that stand for it in clients' listeners. */
  readonly addresses: readonly string[];
  /** Who is ready behind a port, where clients aren't told of it. */
  readonly servers: (port: number) => readonly { readonly address: string; readonly port: number }[];
}

/** Every host of the mesh; of two objects that claim one, clients are told of the Service. */
export function calleesOf(snapshot: Snapshot): ReadonlyMap<Host, Callee> {
  const callees = new Map<Host, Callee>();
  for (const service of all(snapshot.services))
    if (service.externalName === undefined) put(callees, ofService(snapshot, service));
  for (const entry of all(snapshot.serviceEntries)) for (const host of entry.hosts) put(callees, ofEntry(entry, host));
  return callees;
}

function put(callees: Map<Host, Callee>, callee: Callee): void {
  if (!callees.has(callee.host)) callees.set(callee.host, callee);
}

function ofService(snapshot: Snapshot, service: Service): Callee {
  const servers = (port: number) => {
    const found = service.ports.find((each) => each.port === port);
    return found === undefined ? [] : (endpointsOf(snapshot, service).get(found) ?? []);
  };
  return {
    host: serviceHost(service, snapshot.mesh.dnsDomain),
    protocols: protocolsOf(service),
    get addresses() {
      if (!service.headless) return service.addresses;
      return [...protocolsOf(service).keys()].flatMap((port) => servers(port).map(({ address }) => address));
    },
    servers,
  };
}

function ofEntry(entry: ServiceEntry, host: Host): Callee {
  return { host, protocols: protocolsOf(entry), addresses: entry.addresses, servers: () => [] };
}

function protocolsOf({
  ports,
}: {
  readonly ports: readonly { readonly port: number; readonly protocol: Protocol }[];
}): ReadonlyMap<number, Protocol> {
  return new Map(ports.toReversed().map(({ port, protocol }) => [port, protocol] as const));
}

/** The hosts that people may mean by a name, as a client of a namespace would complete it; an ExternalName is what it stands for. */
export function hostsMeant(snapshot: Snapshot, name: string, namespace: string): readonly Host[] {
  const { dnsDomain } = snapshot.mesh;
  const lower = name.toLowerCase();
  const written = [lower, fullHost(lower, namespace, dnsDomain), `${lower}.svc.${dnsDomain}`, `${lower}.${dnsDomain}`];
  const aliases = [...all(snapshot.services)].flatMap((service) =>
    service.externalName !== undefined && written.includes(serviceHost(service, dnsDomain))
      ? [service.externalName]
      : [],
  );
  return [...new Set([...written, ...aliases])];
}

/** Does a host that clients know stand for one of those meant? A wildcard stands for all names below. */
export const standsFor = (host: Host, meant: readonly Host[]): boolean => meant.some((each) => hostWithin(each, host));

/** Who runs at an address: a ready one before others, a pod before a workload entry. */
export function workloadsByAddress(snapshot: Snapshot): ReadonlyMap<string, Workload> {
  const found = new Map<string, Workload>();
  for (const kind of [snapshot.pods, snapshot.workloadEntries])
    for (const workload of all(kind))
      for (const address of workload.addresses) {
        const known = found.get(address);
        if (known === undefined || (workload.ready && !known.ready)) found.set(address, workload);
      }
  return found;
}
