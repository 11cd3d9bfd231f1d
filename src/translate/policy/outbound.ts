import type { IpBlock } from '../../model/ip-block.ts';
import { compareText } from '../../model/object.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import { type Service, serviceHost } from '../../model/service.ts';
import { endpointsOf } from '../../snapshot/indexes.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import type { Destination } from './destination-rules.ts';
import { type OutboundPort, outboundPorts, type ServiceFacts } from './outbound-ports.ts';

/** Which of two services that claim the same name or address gets it. */
export interface Precedence {
  /** `none`: a name that VirtualServices alone know. */
  readonly registry: 'kubernetes' | 'entry' | 'none';
  readonly createdAt: number;
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
}

const registries: readonly Precedence['registry'][] = ['kubernetes', 'entry', 'none'];

/** Kubernetes goes before ServiceEntries, then the oldest (behaviour.md 4.6). Total: nothing depends on the order of objects. */
export function byPrecedence(a: Precedence, b: Precedence): number {
  return (
    registries.indexOf(a.registry) - registries.indexOf(b.registry) ||
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
  /** Services of type ExternalName that stand for it. */
  readonly aliases: readonly { readonly name: string; readonly namespace: string; readonly host: string }[];
}

/** What of a service one client can be told: the rest is somebody else's, or isn't for it. */
export interface ClientsPart {
  /** The addresses of it that no service which goes first has, too. */
  readonly addresses: readonly string[];
  /** The rule that the client follows to it. */
  readonly destination: Destination | undefined;
  readonly client: ProxyKind;
  readonly aliases: EffectiveService['aliases'];
}

/**
 * What clients that are told `part` of a service need to know of it. Connections to a headless service keep the pod that they are meant
 * for, which only a client with interception knows: a gateway chooses among its pods as among those of any service.
 */
export function effectiveService(
  snapshot: Snapshot,
  service: Service,
  { addresses, destination, client, aliases }: ClientsPart,
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
    aliases,
  };
}

/** Where clients have shorter names for a service than others have. */
export function namespacesWithShortNames({ registry, namespace, aliases }: EffectiveService): readonly string[] {
  return [...new Set([...(registry === 'entry' ? [] : [namespace]), ...aliases.map((alias) => alias.namespace)])];
}

/**
 * The names by which a client may call a service: short ones where its own DNS search path would complete them
 * (behaviour.md 4.3).
 */
export function domainsOf(service: EffectiveService, clientNamespace?: string): readonly string[] {
  const { host, addresses, registry, headless, aliases } = service;
  // Pods of a headless service have names below its own.
  const below = headless ? [`*.${host}`] : [];
  const own = registry === 'entry' ? [host] : [host, ...below, ...shortNames(service, clientNamespace)];
  const others = aliases.flatMap((alias) => [alias.host, ...shortNames(alias, clientNamespace)]);
  return [...new Set([...own, ...others, ...addresses.map(inHostHeader)])];
}

function shortNames(
  { name, namespace }: { readonly name: string; readonly namespace: string },
  clientNamespace: string | undefined,
): readonly string[] {
  const short = [`${name}.${namespace}`, `${name}.${namespace}.svc`];
  return clientNamespace === namespace ? [name, ...short] : short;
}

/** An IPv6 address stands in brackets there (RFC 3986 3.2.2). */
function inHostHeader(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
