import { visibleIn } from '../model/export-to.ts';
import type { Host } from '../model/host.ts';
import { serviceHost } from '../model/service.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { RouteTargets } from './envoy/http-routes.ts';
import { outboundCluster } from './envoy/names.ts';
import { destinationPort } from './policy/destination-port.ts';
import { byPrecedence, type Precedence } from './policy/outbound.ts';

/**
 * Where routes of a client in `namespace` lead that asked for `port`. A host, port or subset that nobody has is a cluster that isn't there:
 * requests get 503, connections end (behaviour.md 5.7).
 */
export function routeTargets(snapshot: Snapshot, namespace: string, port: number): RouteTargets {
  return {
    port,
    clusterOf: (destination) => {
      const ports = portsOfHosts(snapshot, namespace).get(destination.host);
      return outboundCluster(destinationPort(destination, ports, port), destination.host, destination.subset);
    },
  };
}

type Ports = ReadonlyMap<Host, readonly number[]>;

interface Known {
  readonly serviceEntries: Snapshot['serviceEntries'];
  readonly dnsDomain: string;
  readonly byNamespace: Map<string, Ports>;
}

const known = new WeakMap<Snapshot['services'], Known>();

/** The ports of each host that clients of a namespace may see; found once for each state of services. */
function portsOfHosts({ services, serviceEntries, mesh }: Snapshot, namespace: string): Ports {
  const { dnsDomain } = mesh;
  let found = known.get(services);
  if (found?.serviceEntries !== serviceEntries || found.dnsDomain !== dnsDomain) {
    found = { serviceEntries, dnsDomain, byNamespace: new Map() };
    known.set(services, found);
  }
  const before = found.byNamespace.get(namespace);
  if (before !== undefined) return before;
  const ports = new Map<Host, readonly number[]>();
  for (const service of all(services)) {
    if (!visibleIn(service.exportTo, namespace)) continue;
    ports.set(
      serviceHost(service, dnsDomain),
      service.ports.map((each) => each.port),
    );
  }
  for (const { host, ports: own } of entryHosts(serviceEntries, namespace)) if (!ports.has(host)) ports.set(host, own);
  found.byNamespace.set(namespace, ports);
  return ports;
}

/** The hosts of ServiceEntries, in the order in which they get a name that several claim. */
function entryHosts(entries: Snapshot['serviceEntries'], namespace: string) {
  return [...all(entries)]
    .filter(({ exportTo }) => visibleIn(exportTo, namespace))
    .flatMap(({ meta, hosts, ports }) => {
      const { name, namespace: own, createdAt } = meta;
      return hosts.map((host) => {
        const precedence: Precedence = { registry: 'entry', createdAt, name, namespace: own, host };
        return { ...precedence, ports: ports.map(({ port }) => port) };
      });
    })
    .sort(byPrecedence);
}
