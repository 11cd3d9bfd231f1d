import { visibleIn } from '../model/export-to.ts';
import type { Host } from '../model/host.ts';
import type { Labels } from '../model/object.ts';
import { serviceHost } from '../model/service.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { RouteTargets } from './envoy/http-routes.ts';
import { outboundCluster } from './envoy/names.ts';
import { destinationPort } from './policy/destination-port.ts';
import { destinationOf } from './policy/destination-rules.ts';
import { byPrecedence, type Precedence } from './policy/outbound.ts';
import { hashKeyOf, policyOf } from './policy/target-policy.ts';

/**
 * Where routes of a client in `namespace` lead that asked for `port`. A host, port or subset that nobody has is a cluster that isn't there:
 * requests get 503, connections end (behaviour.md 5.7).
 */
export function routeTargets(
  snapshot: Snapshot,
  client: { readonly namespace: string; readonly labels: Labels },
  port: number,
): RouteTargets {
  const find = (host: Host): Target | undefined => targetsFor(snapshot, client.namespace).get(host);
  return {
    port,
    clusterOf: (destination) =>
      outboundCluster(
        destinationPort(destination, find(destination.host)?.ports, port),
        destination.host,
        destination.subset,
      ),
    hashOf: (destination) => {
      const target = find(destination.host);
      const rule = target && destinationOf(snapshot, { host: destination.host, namespace: target.namespace }, client);
      if (rule === undefined) return undefined;
      return hashKeyOf(policyOf(rule, destination.subset, destinationPort(destination, target?.ports, port)));
    },
  };
}

/** What a route may lead to. */
interface Target {
  readonly namespace: string;
  readonly ports: readonly number[];
}

type Targets = ReadonlyMap<Host, Target>;

interface Known {
  readonly serviceEntries: Snapshot['serviceEntries'];
  readonly dnsDomain: string;
  readonly byNamespace: Map<string, Targets>;
}

const known = new WeakMap<Snapshot['services'], Known>();

/** The hosts that clients of a namespace may see; found once for each state of services. */
function targetsFor({ services, serviceEntries, mesh }: Snapshot, namespace: string): Targets {
  const { dnsDomain } = mesh;
  let found = known.get(services);
  if (found?.serviceEntries !== serviceEntries || found.dnsDomain !== dnsDomain) {
    found = { serviceEntries, dnsDomain, byNamespace: new Map() };
    known.set(services, found);
  }
  const before = found.byNamespace.get(namespace);
  if (before !== undefined) return before;
  const targets = new Map<Host, Target>();
  for (const service of all(services)) {
    if (!visibleIn(service.exportTo, namespace)) continue;
    targets.set(serviceHost(service, dnsDomain), {
      namespace: service.meta.namespace,
      ports: service.ports.map((each) => each.port),
    });
  }
  for (const entry of entryHosts(serviceEntries, namespace))
    if (!targets.has(entry.host)) targets.set(entry.host, entry);
  found.byNamespace.set(namespace, targets);
  return targets;
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
