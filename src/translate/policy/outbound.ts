import type { IpBlock } from '../../model/ip-block.ts';
import { byAge, compareText } from '../../model/object.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import { type Service, serviceHost } from '../../model/service.ts';
import { endpointsOf } from '../../snapshot/indexes.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import type { Destination } from './destination-rules.ts';
import { type OutboundPort, outboundPorts, type ServiceFacts } from './outbound-ports.ts';

/** Which of two services that claim the same name or address gets it. */
export interface Precedence {
  readonly registry: 'kubernetes' | 'entry';
  readonly createdAt: number;
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
}

/** Kubernetes goes before ServiceEntries, then the oldest (behaviour.md 4.6). Total: nothing depends on the order of objects. */
export function byPrecedence(a: Precedence, b: Precedence): number {
  return (
    Number(a.registry === 'entry') - Number(b.registry === 'entry') ||
    a.createdAt - b.createdAt ||
    compareText(a.name, b.name) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.host, b.host)
  );
}

/** Everything that the configuration for one service depends on; the same for all clients that follow the same rule. */
export interface EffectiveService extends Precedence {
  /** The addresses that are this service's alone. */
  readonly addresses: readonly string[];
  /** Its clients name and connect to its endpoints one by one. */
  readonly headless: boolean;
  /** Where listeners of its TCP ports stand: at its addresses or, for a headless service, at those of its endpoints. */
  readonly listenAt: readonly string[];
  /** Blocks of addresses that are meant for it. */
  readonly blocks: readonly IpBlock[];
  /** Nothing but a name tells connections to it from others; TCP to its ports is taken wherever it goes. */
  readonly everywhere: boolean;
  /** How clients find its endpoints; those of a port with load balancer PASSTHROUGH aren't looked for. */
  readonly discovery: 'eds' | 'strict-dns' | 'logical-dns';
  readonly ports: readonly OutboundPort[];
  /** `<name>.<namespace>` of the DestinationRule that shaped it; '' for none. */
  readonly rule: string;
}

/**
 * Who owns each service address: the oldest service that claims it. Two owners would give one Envoy two listeners of the
 * same address, which it refuses.
 */
export function addressOwners(snapshot: Snapshot): ReadonlyMap<string, Service> {
  const owners = new Map<string, Service>();
  for (const service of [...all(snapshot.services)].sort(byAge)) {
    for (const address of service.addresses) if (!owners.has(address)) owners.set(address, service);
  }
  return owners;
}

/**
 * What clients that follow `destination` need to know of a service. Connections to a headless service keep the pod that they are meant
 * for, which only a client with interception knows: a gateway chooses among its pods as among those of any service.
 */
export function effectiveService(
  snapshot: Snapshot,
  service: Service,
  owners: ReadonlyMap<string, Service>,
  destination: Destination | undefined,
  client: ProxyKind = 'sidecar',
): EffectiveService {
  const { meta, headless } = service;
  const endpoints = endpointsOf(snapshot, service);
  const passthrough = headless && client === 'sidecar';
  const facts: ServiceFacts = {
    namespace: meta.namespace,
    external: false,
    passthrough,
    known: () => [...endpointsOf(snapshot, service, 'all').values()].flat(),
    subjectAltNames: [],
  };
  const sources = service.ports.map((port) => ({ ...port, endpoints: endpoints.get(port) ?? [] }));
  const addresses = [...new Set(service.addresses)].filter((address) => owners.get(address) === service);
  const pods = [...new Set(sources.flatMap((source) => source.endpoints.map(({ address }) => address)))].sort();
  return {
    registry: 'kubernetes',
    createdAt: meta.createdAt,
    name: meta.name,
    namespace: meta.namespace,
    host: serviceHost(service, snapshot.mesh.dnsDomain),
    addresses,
    headless,
    listenAt: passthrough ? pods : addresses,
    blocks: [],
    everywhere: false,
    discovery: 'eds',
    ports: outboundPorts(snapshot, facts, sources, destination),
    rule: destination?.rule ?? '',
  };
}

/**
 * The names by which a client may call a service: short ones where its own DNS search path would complete them
 * (behaviour.md 4.3).
 */
export function domainsOf(service: EffectiveService, client: 'same-namespace' | 'other-namespace'): readonly string[] {
  const { name, namespace, host, addresses, registry, headless } = service;
  const inHeader = addresses.map(inHostHeader);
  if (registry === 'entry') return [...new Set([host, ...inHeader])];
  const short = [`${name}.${namespace}`, `${name}.${namespace}.svc`];
  // Pods of a headless service have names below its own.
  const below = headless ? [`*.${host}`] : [];
  return [host, ...below, ...(client === 'same-namespace' ? [name, ...short] : short), ...inHeader];
}

/** An IPv6 address stands in brackets there (RFC 3986 3.2.2). */
function inHostHeader(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
