import type { SpiffeId } from '../../model/ids.ts';
import { byAge } from '../../model/object.ts';
import { selects } from '../../model/selector.ts';
import { type Protocol, type Service, serviceHost } from '../../model/service.ts';
import type { PortPolicy } from '../../model/traffic-policy.ts';
import { type Endpoint, endpointsOf } from '../../snapshot/indexes.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import { type ClientTls, clientTls, endpointTakesMtls } from './client-tls.ts';
import type { Destination } from './destination-rules.ts';
import { namespaceMode } from './mtls.ts';
import { serverIdentities } from './secure-naming.ts';
import { portPolicy, subsetPolicy, type TargetPolicy, targetPolicy } from './target-policy.ts';

/** One address behind a service port, and whether its sidecar takes mesh mTLS there. */
export interface OutboundEndpoint {
  readonly address: string;
  readonly port: number;
  readonly mtls: boolean;
}

/** How traffic is sent to the endpoints of one port, or to a subset of them. */
export interface OutboundTarget {
  /** '' for all of the port's endpoints. */
  readonly subset: string;
  readonly tls: ClientTls;
  readonly servers: readonly SpiffeId[];
  readonly policy: TargetPolicy;
  readonly endpoints: readonly OutboundEndpoint[];
}

export interface OutboundPort extends OutboundTarget {
  readonly port: number;
  readonly protocol: Protocol;
  readonly subsets: readonly OutboundTarget[];
}

/** Everything that the configuration for one service depends on; the same for all clients that follow the same rule. */
export interface EffectiveService {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** The addresses that are this service's alone. */
  readonly addresses: readonly string[];
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
 * What clients that follow `destination` need to know of a service. A headless service has no address to listen on: clients reach its
 * pods directly, through the passthrough cluster.
 */
export function effectiveService(
  snapshot: Snapshot,
  service: Service,
  owners: ReadonlyMap<string, Service>,
  destination: Destination | undefined,
): EffectiveService {
  const { mesh } = snapshot;
  const inferred = namespaceMode(snapshot, service.meta.namespace);
  const endpoints = endpointsOf(snapshot, service);
  // Not only the ready ones: a pod that comes and goes must not change the clusters of all clients.
  const known = [...endpointsOf(snapshot, service, 'all').values()].flat();
  let identities: readonly SpiffeId[] | undefined;
  const target = (subset: string, settings: PortPolicy, own: readonly Endpoint[]): OutboundTarget => {
    const tls = clientTls(mesh, inferred, settings.tls);
    const named =
      tls === 'auto' || (tls !== 'plaintext' && tls.mode === 'ISTIO_MUTUAL' && tls.subjectAltNames.length === 0);
    if (named) identities ??= serverIdentities(known, mesh);
    return {
      subset,
      tls,
      servers: named ? (identities ?? []) : [],
      policy: targetPolicy(settings, destination?.trafficPolicy?.proxyProtocol),
      endpoints: own.map((endpoint) => ({
        address: endpoint.address,
        port: endpoint.port,
        mtls: tls === 'auto' && endpointTakesMtls(snapshot, endpoint),
      })),
    };
  };
  const ports = new Map<number, OutboundPort>();
  for (const { port, protocol } of service.headless ? [] : service.ports) {
    if (ports.has(port)) continue;
    const declared = service.ports.find((each) => each.port === port);
    const own = declared === undefined ? [] : (endpoints.get(declared) ?? []);
    const all = portPolicy(destination?.trafficPolicy, port);
    ports.set(port, {
      port,
      protocol,
      ...target('', all, own),
      subsets: (destination?.subsets ?? []).map(({ name, labels, trafficPolicy }) =>
        target(
          name,
          subsetPolicy(all, trafficPolicy, port),
          own.filter(({ workload }) => workload !== undefined && selects({ matchLabels: labels }, workload.labels)),
        ),
      ),
    });
  }
  return {
    name: service.meta.name,
    namespace: service.meta.namespace,
    host: serviceHost(service, mesh.dnsDomain),
    addresses: [...new Set(service.addresses)].filter((address) => owners.get(address) === service),
    ports: [...ports.values()].sort((a, b) => a.port - b.port),
    rule: destination?.rule ?? '',
  };
}

/**
 * The names by which a client may call a service: short ones where its own DNS search path would complete them
 * (behaviour.md 4.3).
 */
export function domainsOf(service: EffectiveService, client: 'same-namespace' | 'other-namespace'): readonly string[] {
  const { name, namespace, host, addresses } = service;
  const short = [`${name}.${namespace}`, `${name}.${namespace}.svc`];
  return [host, ...(client === 'same-namespace' ? [name, ...short] : short), ...addresses.map(inHostHeader)];
}

/** An IPv6 address stands in brackets there (RFC 3986 3.2.2). */
function inHostHeader(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
