import { visibleIn } from '../model/export-to.ts';
import { serviceHost } from '../model/service.ts';
import type { Sidecar } from '../model/sidecar.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Scope } from './affected.ts';
import type { BuildCache } from './cache.ts';
import { connectionTarget } from './envoy/connection-routes.ts';
import { httpRoutes, type RouteTargets } from './envoy/http-routes.ts';
import { unknownCluster } from './envoy/names.ts';
import { Outbound, type OutboundSettings } from './outbound.ts';
import type { OutboundPart } from './outbound-parts.ts';
import { anyClient, type Client } from './policy/client.ts';
import { destinationOf } from './policy/destination-rules.ts';
import { type MeshRoutes, meshRoutes, routedHosts, routedService } from './policy/mesh-routes.ts';
import { byPrecedence, type ClientsPart, effectiveService } from './policy/outbound.ts';
import { effectiveEntry } from './policy/service-entry.ts';
import { boundPorts, importedPorts, outboundPolicyOf, sidecarOf } from './policy/sidecar-scope.ts';
import { virtualServicesOf } from './policy/virtual-services.ts';
import type { Problems } from './problems.ts';
import { type Registered, Registry, routedHostKey, routedHostOf, type ServiceKey } from './registry.ts';
import { routeTargets } from './route-targets.ts';
import { routedHostUnit, type ServiceUnit, serviceUnit, type UnitRoutes, unrouted } from './service-unit.ts';

/** Where clients find the routes of hosts that no registry knows (behaviour.md 4.3). */
const portOfRoutedHosts = 80;

/** What one kind of clients gets, and by which Sidecar. */
interface Side {
  readonly client: Client;
  sidecar: Sidecar | undefined;
  readonly outbound: Outbound;
}

/** What a client is told of a service. */
interface Told extends ClientsPart {
  readonly service: Registered;
  readonly ports: readonly number[];
  readonly routes: MeshRoutes | undefined;
}

/**
 * Keeps what clients get of the mesh's services current, a service at a time. Clients for which no object is meant in particular share
 * one outbound side; others have theirs, which differs in just the services that those objects are about.
 */
export class Services {
  readonly #cache: BuildCache;
  readonly #problems: Problems;
  #snapshot: Snapshot;
  #registry: Registry;
  #shared: Side;
  readonly #own = new Map<string, Side>();

  constructor(snapshot: Snapshot, cache: BuildCache, problems: Problems) {
    this.#cache = cache;
    this.#problems = problems;
    this.#snapshot = snapshot;
    this.#registry = new Registry(snapshot);
    this.#shared = this.#compile(anyClient);
  }

  /** The outbound side of a client; made when the first one asks. */
  for(client: Client): Outbound {
    if (client === anyClient) return this.#shared.outbound;
    const key = JSON.stringify([client.kind, client.namespace, Object.entries(client.labels).sort()]);
    const known = this.#own.get(key) ?? this.#compile(client);
    this.#own.set(key, known);
    return known.outbound;
  }

  /** Where routes of a client lead that asked for a port. */
  routeTargets(client: Pick<Client, 'namespace' | 'labels'>, port: number): RouteTargets {
    return routeTargets(this.#snapshot, this.#registry, client, port);
  }

  /** Forgets the outbound sides that nobody has any more. */
  keepOnly(used: ReadonlySet<Outbound>): void {
    for (const [key, { outbound }] of this.#own) if (!used.has(outbound)) this.#own.delete(key);
  }

  /** Everything anew, as for other mesh settings. */
  rebuild(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#registry = new Registry(snapshot);
    this.#shared = this.#compile(anyClient, this.#shared.outbound);
    for (const [key, { client, outbound }] of this.#own) this.#own.set(key, this.#compile(client, outbound));
  }

  /** What the changes in `scope` touch; tells which parts of which outbound sides are other layers now. */
  update(snapshot: Snapshot, scope: Scope): ReadonlyMap<Outbound, ReadonlySet<OutboundPart>> {
    this.#snapshot = snapshot;
    const keys = this.#registry.update(snapshot, scope.services);
    const changed = new Map<Outbound, ReadonlySet<OutboundPart>>();
    for (const side of [this.#shared, ...this.#own.values()]) {
      const parts = this.#updateSide(side, keys, scope.clientsChanged);
      if (parts.size > 0) changed.set(side.outbound, parts);
    }
    return changed;
  }

  #updateSide(side: Side, keys: ReadonlySet<ServiceKey>, clientsChanged: boolean): ReadonlySet<OutboundPart> {
    const { client, outbound } = side;
    const sidecar = clientsChanged ? this.#sidecarOf(client) : side.sidecar;
    const same = sidecar === side.sidecar;
    const touched = same ? keys : new Set([...this.#keysFor(client), ...outbound.units.keys()]);
    side.sidecar = sidecar;
    if (same && touched.size === 0) return new Set();
    const units = new Map([...touched].map((key) => [key, this.#unit(key, side, outbound)]));
    return outbound.set(units, this.#settings(sidecar, client));
  }

  #sidecarOf(client: Client): Sidecar | undefined {
    return client === anyClient ? undefined : sidecarOf(this.#snapshot, client);
  }

  #settings(sidecar: Sidecar | undefined, client: Client): OutboundSettings {
    const bound = boundPorts(sidecar).map(({ address, port, http }) => {
      if (http) return { address, port, to: { kind: 'http' } } as const;
      const reached = [...this.#registry.keys()].flatMap((key) => this.#registry.get(key) ?? []);
      const [first] = reached.filter((each) => this.#imported(each, client, sidecar).includes(port)).sort(byPrecedence);
      const tunnel = first && this.routeTargets(client, port).tunnelOf({ host: first.host, subset: '', port });
      return { address, port, to: { kind: 'tcp', host: first?.host, tunnel } } as const;
    });
    return { unknown: this.#unknown(sidecar, client), bound };
  }

  #unknown(sidecar: Sidecar | undefined, client: Client): string {
    const { mode, egressProxy } = outboundPolicyOf(sidecar, this.#snapshot.mesh);
    if (egressProxy === undefined) return unknownCluster(mode);
    return this.routeTargets(client, 0).clusterOf(egressProxy);
  }

  #keysFor(client: Client): Iterable<ServiceKey> {
    const hosts =
      client.kind === 'sidecar' ? routedHosts(virtualServicesOf(this.#snapshot), client.namespace).keys() : [];
    return [...this.#registry.keys(), ...[...hosts].map(routedHostKey)];
  }

  #compile(client: Client, lastGood?: Outbound): Side {
    const outbound = new Outbound(
      this.#cache,
      this.#snapshot.mesh,
      client === anyClient ? undefined : this.#shared.outbound,
    );
    const side: Side = { client, sidecar: this.#sidecarOf(client), outbound };
    const units = [...this.#keysFor(client)].map((key) => [key, this.#unit(key, side, lastGood)] as const);
    outbound.set(new Map(units), this.#settings(side.sidecar, client));
    return side;
  }

  /** What a client gets of a service: what all get, where it is told the same. */
  #unit(key: ServiceKey, { client, sidecar }: Side, lastGood: Outbound | undefined): ServiceUnit | undefined {
    const problem = problemOf(key, client);
    const build = this.#builder(key, client, sidecar);
    if (typeof build === 'function') return this.#problems.guard(problem, build, lastGood?.units.get(key));
    this.#problems.forget(problem);
    return build === 'shared' ? this.#shared.outbound.units.get(key) : undefined;
  }

  #builder(key: ServiceKey, client: Client, sidecar: Sidecar | undefined): 'none' | 'shared' | (() => ServiceUnit) {
    const host = routedHostOf(key);
    if (host !== undefined) return this.#routedHost(host, client, sidecar) ?? 'none';
    const told = this.#told(key, client, sidecar);
    if (told === undefined) return 'none';
    if (client !== anyClient && isSame(told, this.#told(key, anyClient, undefined))) return 'shared';
    return () => this.#build(told, client);
  }

  #told(key: ServiceKey, client: Client, sidecar: Sidecar | undefined): Told | undefined {
    const service = this.#registry.get(key);
    const imported = (each: Registered): readonly number[] => this.#imported(each, client, sidecar);
    const owns = (name: string): boolean => {
      const claiming = this.#registry.claiming(name);
      return claiming.length === 1 || claiming.find((each) => imported(each).length > 0) === service;
    };
    if (service === undefined) return undefined;
    const ports = imported(service);
    if (ports.length === 0 || !owns(service.host)) return undefined;
    const routed =
      client.kind === 'sidecar'
        ? routedService(virtualServicesOf(this.#snapshot), service.host, client.namespace)
        : undefined;
    return {
      service,
      ports,
      addresses: [...new Set(service.addresses)].filter(owns),
      destination: destinationOf(this.#snapshot, service, client),
      client: client.kind,
      aliases: this.#registry
        .aliasesOf(service.host)
        .filter(({ exportTo }) => visibleIn(exportTo, client.namespace))
        .map((alias) => ({
          name: alias.meta.name,
          namespace: alias.meta.namespace,
          host: serviceHost(alias, this.#snapshot.mesh.dnsDomain),
        })),
      routes: routed && meshRoutes(routed, client),
    };
  }

  /** An external authorizer is known to everybody: whoever could not ask it would have to deny. */
  #imported(service: Registered, client: Client, sidecar: Sidecar | undefined): readonly number[] {
    const asked = this.#snapshot.mesh.extensionProviders.some((provider) => provider.service === service.host);
    return asked ? service.ports.map(({ port }) => port) : importedPorts(sidecar, client.namespace, service);
  }

  #build(told: Told, client: Client): ServiceUnit {
    const { service, ports, routes } = told;
    const { object } = service;
    const whole =
      object.kind === 'Service'
        ? effectiveService(this.#snapshot, object, told)
        : effectiveEntry(this.#snapshot, object, service.host, told);
    const effective = { ...whole, ports: whole.ports.filter(({ port }) => ports.includes(port)) };
    const routed = routes === undefined ? unrouted : this.#routes(routes, client);
    return serviceUnit(this.#cache, effective, this.#snapshot.mesh, routed);
  }

  #routedHost(host: string, client: Client, sidecar: Sidecar | undefined): (() => ServiceUnit) | undefined {
    if (client.kind !== 'sidecar' || host === '*') return undefined;
    const routed = routedHosts(virtualServicesOf(this.#snapshot), client.namespace).get(host);
    const known = this.#registry.claiming(host).some((each) => this.#imported(each, client, sidecar).length > 0);
    if (known || routed === undefined) return undefined;
    const routes = this.#routes(meshRoutes(routed, client), client).http(portOfRoutedHosts);
    return routes && (() => routedHostUnit(this.#cache, host, portOfRoutedHosts, routes));
  }

  #routes(routes: MeshRoutes, client: Client): UnitRoutes {
    return {
      http: (port) => {
        const decided = routes.http(port);
        return decided && httpRoutes(decided, this.routeTargets(client, port));
      },
      connections: (kind, port) => {
        const targets = this.routeTargets(client, port);
        return routes.connections(kind, port).map(({ sniHost, destinationSubnet, sourceSubnet, destinations }) => ({
          match: { sniHost, destinationSubnet, sourceSubnet },
          ...connectionTarget(destinations, targets),
        }));
      },
    };
  }
}

/** Routes may lead to services of which clients are told different things. */
function isSame(told: Told, all: Told | undefined): boolean {
  return (
    all !== undefined &&
    told.destination === all.destination &&
    told.routes === undefined &&
    all.routes === undefined &&
    told.ports.join() === all.ports.join() &&
    told.addresses.join() === all.addresses.join() &&
    told.aliases.length === all.aliases.length &&
    (told.client === all.client || !('headless' in told.service.object) || !told.service.object.headless)
  );
}

/** What a service is called where it can't be compiled. */
function problemOf(key: ServiceKey, client: Client): string {
  const host = routedHostOf(key);
  const what = host === undefined ? `service ${key}` : `routes of ${host}`;
  return client === anyClient ? what : `${what} for ${client.kind}s in ${client.namespace || 'any namespace'}`;
}
