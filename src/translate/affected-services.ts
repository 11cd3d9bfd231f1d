import { pushTo } from '../lib/push-to.ts';
import type { DestinationRule } from '../model/destination-rule.ts';
import { fullHost, type Host, hostWithin } from '../model/host.ts';
import { selects } from '../model/selector.ts';
import { type EndpointSlice, type Service, serviceHost } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import type { VirtualService } from '../model/virtual-service.ts';
import type { Workload } from '../model/workload.ts';
import { serviceSelects } from '../snapshot/indexes.ts';
import { all, inNamespace, type Named, type Snapshot } from '../snapshot/snapshot.ts';
import { routedTo } from './policy/mesh-routes.ts';
import { type RoutedService, rootsOf, virtualServicesOf } from './policy/virtual-services.ts';
import { entryKey, routedHostKey, type ServiceKey, serviceKey } from './registry.ts';

/** Finds the services whose clients are told something else when an object changes. */
export class AffectedServices {
  readonly keys = new Set<ServiceKey>();
  readonly #before: Snapshot;
  readonly #after: Snapshot;

  constructor(before: Snapshot, after: Snapshot) {
    this.#before = before;
    this.#after = after;
  }

  addService(service: Service): void {
    this.keys.add(serviceKey(service));
    this.#addName(serviceHost(service, this.#after.mesh.dnsDomain));
  }

  addEntry(entry: ServiceEntry): void {
    for (const host of entry.hosts) {
      this.keys.add(entryKey(entry, host));
      this.#addName(host);
    }
  }

  /** A name that a registry begins or ends to know may have routes of its own, and others may lead there. */
  #addName(host: Host): void {
    this.keys.add(routedHostKey(host));
    this.#addRoutesTo(host);
  }

  addSlice({ meta, service }: EndpointSlice): void {
    this.keys.add(`${meta.namespace}/${service}`);
  }

  /** The services that a rule is for; and what is routed to them, as routes hash what its load balancer wants. */
  addRule({ host, meta }: DestinationRule): void {
    const full = fullHost(host, meta.namespace, this.#after.mesh.dnsDomain);
    this.#addHost(full);
    this.#addRoutesTo(full);
  }

  /** The hosts that a VirtualService is for; those of the ones that delegate to it, too. */
  addVirtualService(object: VirtualService): void {
    for (const service of rootsOf(object, [this.#before, this.#after])) this.#addRouted({ service });
  }

  /** Services that select a workload, or list it by name or address. */
  addWorkload(workloads: readonly Workload[], namespace: string, name: string): void {
    const addresses = new Set(workloads.flatMap((workload) => workload.addresses));
    for (const snapshot of [this.#before, this.#after]) {
      for (const service of inNamespace(snapshot.services, namespace)) {
        if (workloads.some((workload) => serviceSelects(service, workload.labels))) this.keys.add(serviceKey(service));
      }
      for (const entry of inNamespace(snapshot.serviceEntries, namespace)) {
        const { workloadSelector } = entry;
        if (workloadSelector === undefined) continue;
        if (workloads.some(({ labels }) => selects(workloadSelector, labels))) this.#addHostsOf(entry);
      }
      // Slices name pods and addresses, whatever labels those have, so also for a service with a selector.
      for (const slice of inNamespace(snapshot.endpointSlices, namespace)) {
        if (slice.endpoints.some(({ pod, addresses: own }) => pod === name || own.some((each) => addresses.has(each))))
          this.addSlice(slice);
      }
    }
  }

  /** All of a namespace, or of the mesh. */
  addAll(namespace: string | 'mesh'): void {
    const { services, serviceEntries } = this.#after;
    for (const service of namespace === 'mesh' ? all(services) : inNamespace(services, namespace))
      this.keys.add(serviceKey(service));
    for (const entry of namespace === 'mesh' ? all(serviceEntries) : inNamespace(serviceEntries, namespace))
      this.#addHostsOf(entry);
  }

  #addHostsOf(entry: ServiceEntry): void {
    for (const host of entry.hosts) this.keys.add(entryKey(entry, host));
  }

  /** All services whose host is within a pattern. */
  #addHost(pattern: Host): void {
    this.keys.add(routedHostKey(pattern));
    const { dnsDomain } = this.#after.mesh;
    for (const key of entriesWithin(this.#after, pattern)) this.keys.add(key);
    if (pattern.startsWith('*')) {
      for (const service of all(this.#after.services))
        if (hostWithin(serviceHost(service, dnsDomain), pattern)) this.keys.add(serviceKey(service));
      return;
    }
    const [name, namespace, ...rest] = pattern.split('.');
    if (rest.join('.') === `svc.${dnsDomain}`) this.keys.add(`${namespace}/${name}`);
  }

  /** The hosts of VirtualServices that lead to a host: which port they mean, and what is hashed, depends on it. */
  #addRoutesTo(pattern: Host): void {
    for (const routed of routedTo(virtualServicesOf(this.#after), pattern)) this.#addRouted(routed);
  }

  #addRouted({ service }: Pick<RoutedService, 'service'>): void {
    for (const host of service.hosts) this.#addHost(host);
  }
}

const entriesByHost = new WeakMap<Named<ServiceEntry>, ReadonlyMap<Host, readonly ServiceKey[]>>();

/** The hosts of a namespace's ServiceEntries; found once for each state of them. */
function entriesOf(named: Named<ServiceEntry>): ReadonlyMap<Host, readonly ServiceKey[]> {
  const known = entriesByHost.get(named);
  if (known !== undefined) return known;
  const found = new Map<Host, ServiceKey[]>();
  for (const entry of named.values()) for (const host of entry.hosts) pushTo(found, host, entryKey(entry, host));
  entriesByHost.set(named, found);
  return found;
}

/** All hosts of ServiceEntries within a pattern. */
function* entriesWithin({ serviceEntries }: Snapshot, pattern: Host): Iterable<ServiceKey> {
  for (const named of serviceEntries.values()) {
    const entries = entriesOf(named);
    if (!pattern.startsWith('*')) yield* entries.get(pattern) ?? [];
    else for (const [host, keys] of entries) if (hostWithin(host, pattern)) yield* keys;
  }
}
