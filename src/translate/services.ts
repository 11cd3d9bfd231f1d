import type { Service } from '../model/service.ts';
import { serviceHost } from '../model/service.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { Scope } from './affected.ts';
import type { BuildCache } from './cache.ts';
import { Outbound, type OutboundPart } from './outbound.ts';
import { anyClient, type Client, type Destination, destinationOf } from './policy/destination-rules.ts';
import { addressOwners, effectiveService } from './policy/outbound.ts';
import type { Problems } from './problems.ts';
import { type ServiceUnit, serviceUnit } from './service-unit.ts';

const keyOf = ({ meta }: Service): string => `${meta.namespace}/${meta.name}`;

/** The outbound side of clients for which other rules hold than for all. */
interface Own {
  readonly client: Client;
  readonly outbound: Outbound;
}

/**
 * Keeps what clients get of the mesh's services current, a service at a time. Clients for which no rule of their own holds share one
 * outbound side; others have theirs, which differs in just the services that those rules are for.
 */
export class Services {
  readonly #cache: BuildCache;
  readonly #problems: Problems;
  #snapshot: Snapshot;
  #owners: ReadonlyMap<string, Service>;
  #shared: Outbound;
  readonly #own = new Map<string, Own>();

  constructor(snapshot: Snapshot, cache: BuildCache, problems: Problems) {
    this.#cache = cache;
    this.#problems = problems;
    this.#snapshot = snapshot;
    this.#owners = addressOwners(snapshot);
    this.#shared = this.#compile(anyClient);
  }

  /** The outbound side of a client; made when the first one asks. */
  for(client: Client): Outbound {
    if (client === anyClient) return this.#shared;
    const key = JSON.stringify([client.namespace, Object.entries(client.labels).sort()]);
    const known = this.#own.get(key);
    if (known !== undefined) return known.outbound;
    const outbound = this.#compile(client);
    this.#own.set(key, { client, outbound });
    return outbound;
  }

  /** Forgets the outbound sides that nobody has any more. */
  keepOnly(used: ReadonlySet<Outbound>): void {
    for (const [key, { outbound }] of this.#own) if (!used.has(outbound)) this.#own.delete(key);
  }

  /** Everything anew, as for other mesh settings. */
  rebuild(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#owners = addressOwners(snapshot);
    this.#shared = this.#compile(anyClient, this.#shared);
    for (const [key, { client, outbound }] of this.#own)
      this.#own.set(key, { client, outbound: this.#compile(client, outbound) });
  }

  /** What the changes in `scope` touch; tells which parts of which outbound sides are other layers now. */
  update(snapshot: Snapshot, scope: Scope): ReadonlyMap<Outbound, ReadonlySet<OutboundPart>> {
    this.#snapshot = snapshot;
    const keys = new Set(scope.services);
    if (scope.servicesChanged) for (const key of this.#newOwners(snapshot)) keys.add(key);
    const changed = new Map<Outbound, ReadonlySet<OutboundPart>>();
    if (keys.size === 0) return changed;
    for (const { client, outbound } of [{ client: anyClient, outbound: this.#shared }, ...this.#own.values()]) {
      const units = new Map<string, ServiceUnit | undefined>();
      for (const key of keys) {
        const [namespace = '', name = ''] = key.split('/');
        const service = snapshot.services.get(namespace)?.get(name);
        if (service === undefined) this.#problems.forget(problemOf(key, client));
        units.set(key, service && this.#unit(service, client, outbound));
      }
      const parts = outbound.set(units);
      if (parts.size > 0) changed.set(outbound, parts);
    }
    return changed;
  }

  /** An address that went from one service to another changes both. */
  #newOwners(snapshot: Snapshot): readonly string[] {
    const before = this.#owners;
    this.#owners = addressOwners(snapshot);
    return [before, this.#owners].flatMap((owners) =>
      [...owners].flatMap(([address, owner]) => {
        const [was, is] = [before.get(address), this.#owners.get(address)];
        return (was && keyOf(was)) === (is && keyOf(is)) ? [] : [keyOf(owner)];
      }),
    );
  }

  #compile(client: Client, lastGood?: Outbound): Outbound {
    const { mesh, services } = this.#snapshot;
    const outbound = new Outbound(this.#cache, mesh, client === anyClient ? undefined : this.#shared);
    const units = new Map<string, ServiceUnit>();
    for (const service of all(services)) {
      const unit = this.#unit(service, client, lastGood);
      if (unit !== undefined) units.set(keyOf(service), unit);
    }
    outbound.set(units);
    return outbound;
  }

  /** What a client gets of a service: what all get, where it follows no other rule than all do. */
  #unit(service: Service, client: Client, lastGood: Outbound | undefined): ServiceUnit | undefined {
    const key = keyOf(service);
    const named = { host: serviceHost(service, this.#snapshot.mesh.dnsDomain), namespace: service.meta.namespace };
    const rule = destinationOf(this.#snapshot, named, client);
    if (client !== anyClient && rule === destinationOf(this.#snapshot, named, anyClient)) {
      this.#problems.forget(problemOf(key, client));
      return this.#shared.units.get(key);
    }
    return this.#problems.guard(problemOf(key, client), () => this.#build(service, rule), lastGood?.units.get(key));
  }

  #build(service: Service, rule: Destination | undefined): ServiceUnit {
    const effective = effectiveService(this.#snapshot, service, this.#owners, rule);
    return serviceUnit(this.#cache, effective, this.#snapshot.mesh);
  }
}

/** What a service is called where it can't be compiled. */
function problemOf(key: string, client: Client): string {
  return client === anyClient ? `service ${key}` : `service ${key} for clients in ${client.namespace}`;
}
