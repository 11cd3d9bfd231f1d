import type { ExportTo } from '../model/export-to.ts';
import type { Host } from '../model/host.ts';
import { byAge } from '../model/object.ts';
import { type Service, serviceHost } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { byPrecedence, type Precedence } from './policy/outbound.ts';

/** A Service, one host of a ServiceEntry, or a host that VirtualServices alone know: what `Scope.services` names. */
export type ServiceKey = string;

export const serviceKey = ({ meta: { namespace, name } }: Pick<Service, 'meta'>): ServiceKey => `${namespace}/${name}`;
export const entryKey = ({ meta: { namespace, name } }: ServiceEntry, host: Host): ServiceKey =>
  `${namespace}/${name}/${host}`;
export const routedHostKey = (host: Host): ServiceKey => `//${host}`;
/** The host of a key of the last kind. */
export const routedHostOf = (key: ServiceKey): Host | undefined => (key.startsWith('//') ? key.slice(2) : undefined);

/** A service as a registry of the mesh has it. */
export interface Registered extends Precedence {
  readonly key: ServiceKey;
  readonly object: Service | ServiceEntry;
  readonly exportTo: ExportTo;
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly port: number }[];
}

/**
 * Which services there are, and which of them want the same name or address: one Envoy can only be told of one. Kept current key by
 * key. A Service of type ExternalName is no service here, but another name for one.
 */
export class Registry {
  readonly #services = new Map<ServiceKey, Registered>();
  /** By name or address; the first in precedence goes first. */
  readonly #claims = new Map<string, readonly Registered[]>();
  /** ExternalName services, by the host that they stand for. */
  readonly #aliases = new Map<Host, ReadonlyMap<ServiceKey, Service>>();
  readonly #aliasTargets = new Map<ServiceKey, Host>();

  constructor(snapshot: Snapshot) {
    for (const service of all(snapshot.services)) this.#put(serviceKey(service), snapshot);
    for (const entry of all(snapshot.serviceEntries))
      for (const host of entry.hosts) this.#put(entryKey(entry, host), snapshot);
  }

  keys(): Iterable<ServiceKey> {
    return this.#services.keys();
  }

  get(key: ServiceKey): Registered | undefined {
    return this.#services.get(key);
  }

  /** All that have a name or an address, the first in precedence first. */
  claiming(nameOrAddress: string): readonly Registered[] {
    return this.#claims.get(nameOrAddress) ?? [];
  }

  /** Other names for a host, the oldest first. */
  aliasesOf(host: Host): readonly Service[] {
    return [...(this.#aliases.get(host)?.values() ?? [])];
  }

  /** Takes over what became of the services in `keys`; returns those too with which they share something, now or before. */
  update(snapshot: Snapshot, keys: ReadonlySet<ServiceKey>): ReadonlySet<ServiceKey> {
    const touched = new Set(keys);
    const add = (key: ServiceKey): void => {
      const target = this.#aliasTargets.get(key);
      const names = target === undefined ? claimsOf(this.#services.get(key)) : [target];
      for (const name of names) for (const other of this.claiming(name)) touched.add(other.key);
    };
    for (const key of keys) {
      add(key);
      this.#remove(key);
      this.#put(key, snapshot);
      add(key);
    }
    return touched;
  }

  #put(key: ServiceKey, snapshot: Snapshot): void {
    const [namespace = '', name = '', host] = key.split('/');
    if (host === undefined) {
      const service = snapshot.services.get(namespace)?.get(name);
      if (service?.externalName !== undefined) this.#alias(key, service, service.externalName);
      else if (service !== undefined) this.#register(ofService(key, service, snapshot.mesh.dnsDomain));
      return;
    }
    const entry = snapshot.serviceEntries.get(namespace)?.get(name);
    if (entry?.hosts.includes(host)) this.#register(ofEntry(key, entry, host));
  }

  #register(service: Registered): void {
    this.#services.set(service.key, service);
    for (const name of claimsOf(service)) this.#claims.set(name, [...this.claiming(name), service].sort(byPrecedence));
  }

  #alias(key: ServiceKey, service: Service, target: Host): void {
    this.#aliasTargets.set(key, target);
    const known = [...(this.#aliases.get(target) ?? []), [key, service] as const];
    this.#aliases.set(target, new Map(known.sort(([, a], [, b]) => byAge(a, b))));
  }

  #remove(key: ServiceKey): void {
    const service = this.#services.get(key);
    this.#services.delete(key);
    for (const name of claimsOf(service)) {
      const left = this.claiming(name).filter((each) => each !== service);
      if (left.length === 0) this.#claims.delete(name);
      else this.#claims.set(name, left);
    }
    const target = this.#aliasTargets.get(key);
    if (target === undefined) return;
    this.#aliasTargets.delete(key);
    const left = new Map([...(this.#aliases.get(target) ?? [])].filter(([each]) => each !== key));
    if (left.size === 0) this.#aliases.delete(target);
    else this.#aliases.set(target, left);
  }
}

function claimsOf(service: Registered | undefined): readonly string[] {
  return service === undefined ? [] : [...new Set([service.host, ...service.addresses])];
}

function ofService(key: ServiceKey, service: Service, dnsDomain: string): Registered {
  const { meta, addresses, exportTo, ports } = service;
  return {
    key,
    object: service,
    registry: 'kubernetes',
    createdAt: meta.createdAt,
    name: meta.name,
    namespace: meta.namespace,
    host: serviceHost(service, dnsDomain),
    exportTo,
    addresses,
    ports,
  };
}

function ofEntry(key: ServiceKey, entry: ServiceEntry, host: Host): Registered {
  const { meta, addresses, exportTo, ports } = entry;
  return {
    key,
    object: entry,
    registry: 'entry',
    createdAt: meta.createdAt,
    name: meta.name,
    namespace: meta.namespace,
    host,
    exportTo,
    addresses,
    ports,
  };
}
