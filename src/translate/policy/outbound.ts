import type { SpiffeId } from '../../model/ids.ts';
import { byAge } from '../../model/object.ts';
import { type Protocol, type Service, serviceHost } from '../../model/service.ts';
import { endpointsOf } from '../../snapshot/indexes.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import { type ClientTls, clientTls, endpointTakesMtls } from './client-tls.ts';
import { namespaceMode } from './mtls.ts';
import { serverIdentities } from './secure-naming.ts';

/** One address behind a service port, and whether its sidecar takes mesh mTLS there. */
export interface OutboundEndpoint {
  readonly address: string;
  readonly port: number;
  readonly mtls: boolean;
}

export interface OutboundPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly tls: ClientTls;
  readonly servers: readonly SpiffeId[];
  readonly endpoints: readonly OutboundEndpoint[];
}

/** Everything that clients' configuration for one service depends on; the same for every client. */
export interface EffectiveService {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** The addresses that are this service's alone. */
  readonly addresses: readonly string[];
  readonly ports: readonly OutboundPort[];
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
 * What clients need to know of a service. A headless service has no address to listen on: clients reach its pods
 * directly, through the passthrough cluster.
 */
export function effectiveService(
  snapshot: Snapshot,
  service: Service,
  owners: ReadonlyMap<string, Service>,
): EffectiveService {
  const { mesh } = snapshot;
  const tls = clientTls(mesh, namespaceMode(snapshot, service.meta.namespace));
  const endpoints = endpointsOf(snapshot, service);
  // Not only the ready ones: a pod that comes and goes must not change the clusters of all clients.
  const known = [...endpointsOf(snapshot, service, 'all').values()].flat();
  const servers = tls === 'plaintext' ? [] : serverIdentities(known, mesh);
  const ports = new Map<number, OutboundPort>();
  for (const { port, protocol } of service.headless ? [] : service.ports) {
    if (ports.has(port)) continue;
    const own = service.ports.find((each) => each.port === port);
    ports.set(port, {
      port,
      protocol,
      tls,
      servers,
      endpoints: (own === undefined ? [] : (endpoints.get(own) ?? [])).map((endpoint) => ({
        address: endpoint.address,
        port: endpoint.port,
        mtls: tls === 'auto' && endpointTakesMtls(snapshot, endpoint),
      })),
    });
  }
  return {
    name: service.meta.name,
    namespace: service.meta.namespace,
    host: serviceHost(service, mesh.dnsDomain),
    addresses: [...new Set(service.addresses)].filter((address) => owners.get(address) === service),
    ports: [...ports.values()].sort((a, b) => a.port - b.port),
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
