import { parseSpiffeId, type SpiffeId, spiffeId } from '../../model/ids.ts';
import { portPolicy, subsetPolicy, wholePolicy } from '../../model/port-policy.ts';
import { selects } from '../../model/selector.ts';
import type { Protocol } from '../../model/service.ts';
import type { PortPolicy, WholePolicy } from '../../model/traffic-policy.ts';
import type { Endpoint } from '../../snapshot/indexes.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import { type ClientTls, clientTls, endpointTakesMtls, isOriginated } from './client-tls.ts';
import type { Destination } from './destination-rules.ts';
import { namespaceMode } from './mtls.ts';
import { serverIdentities } from './secure-naming.ts';
import { type TargetPolicy, targetPolicy } from './target-policy.ts';

/** One address behind a service port, and whether its sidecar takes mesh mTLS there. */
export interface OutboundEndpoint {
  /** An IP address; behind a name that clients resolve, a DNS name; else the absolute path of a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly mtls: boolean;
  /** Share of the load among its like; absent: as all others. */
  readonly weight?: number;
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

/** A port as its registry knows it. */
export interface PortSource {
  readonly port: number;
  readonly protocol: Protocol;
  readonly endpoints: readonly (Endpoint & { readonly weight?: number })[];
}

/** What decides about the TLS of a service beside its rule. */
export interface ServiceFacts {
  readonly namespace: string;
  /** Outside of the mesh: no mesh mTLS unless a rule asks for it, and no identity of what runs there. */
  readonly external: boolean;
  /** Connections keep the address that they were meant for. */
  readonly passthrough: boolean;
  /** All that may run there, also what isn't ready: a pod that comes and goes must not change the clusters of all clients. */
  readonly known: () => readonly Endpoint[];
  /** Names that the registry gives; identities of the mesh among them count as those of its workloads do. */
  readonly subjectAltNames: readonly string[];
}

/** The ports of a service as clients that follow `destination` use them, by number. */
export function outboundPorts(
  snapshot: Snapshot,
  facts: ServiceFacts,
  sources: readonly PortSource[],
  destination: Destination | undefined,
): readonly OutboundPort[] {
  const target = targets(snapshot, facts);
  const ports = new Map<number, OutboundPort>();
  for (const { port, protocol, endpoints } of sources) {
    if (ports.has(port)) continue;
    const all = portPolicy(destination?.trafficPolicy, port);
    ports.set(port, {
      port,
      protocol,
      ...target('', all, wholePolicy(destination?.trafficPolicy, undefined), endpoints),
      subsets: (destination?.subsets ?? []).map(({ name, labels, trafficPolicy }) =>
        target(
          name,
          subsetPolicy(all, trafficPolicy, port),
          wholePolicy(destination?.trafficPolicy, trafficPolicy),
          endpoints.filter(
            ({ workload }) => workload !== undefined && selects({ matchLabels: labels }, workload.labels),
          ),
        ),
      ),
    });
  }
  return [...ports.values()].sort((a, b) => a.port - b.port);
}

function targets(
  snapshot: Snapshot,
  { namespace, external, passthrough, known, subjectAltNames }: ServiceFacts,
): (subset: string, settings: PortPolicy, whole: WholePolicy, own: PortSource['endpoints']) => OutboundTarget {
  const { mesh } = snapshot;
  const inferred = external ? 'DISABLE' : namespaceMode(snapshot, namespace);
  let identities: readonly SpiffeId[] | undefined;
  const servers = (): readonly SpiffeId[] => {
    identities ??= [
      ...new Set([...(external ? [] : serverIdentities(known(), mesh)), ...meshIdentities(subjectAltNames)]),
    ].sort();
    return identities;
  };
  return (subset, settings, whole, own) => {
    const asked = clientTls(mesh, inferred, settings.tls);
    const endpoints = own.map((endpoint) => ({
      address: endpoint.address,
      port: endpoint.port,
      mtls: asked === 'auto' && endpointTakesMtls(snapshot, endpoint),
      ...(endpoint.weight === undefined ? {} : { weight: endpoint.weight }),
    }));
    const decided = targetPolicy(settings, whole);
    const policy: TargetPolicy = passthrough
      ? { ...decided, loadBalancer: { method: 'PASSTHROUGH', warmup: undefined } }
      : decided;
    const kept = policy.loadBalancer?.method === 'PASSTHROUGH';
    const tls = withNames(kept ? ofKeptAddress(asked, endpoints) : asked, subjectAltNames);
    const named =
      tls === 'auto' || (tls !== 'plaintext' && tls.mode === 'ISTIO_MUTUAL' && tls.subjectAltNames.length === 0);
    return { subset, tls, servers: named ? servers() : [], policy, endpoints };
  };
}

/**
 * A connection that keeps its address finds no endpoint whose metadata could choose: mTLS for all, where all take it (behaviour.md
 * 4.4).
 */
function ofKeptAddress(tls: ClientTls, endpoints: readonly OutboundEndpoint[]): ClientTls {
  if (tls !== 'auto') return tls;
  return endpoints.length > 0 && endpoints.every(({ mtls }) => mtls)
    ? { mode: 'ISTIO_MUTUAL', sni: '', subjectAltNames: [] }
    : 'plaintext';
}

/** A rule that names no server leaves that to the registry (behaviour.md 4.4). */
function withNames(tls: ClientTls, subjectAltNames: readonly string[]): ClientTls {
  return isOriginated(tls) && tls.subjectAltNames.length === 0 && subjectAltNames.length > 0
    ? { ...tls, subjectAltNames }
    : tls;
}

function meshIdentities(names: readonly string[]): readonly SpiffeId[] {
  return names.flatMap((name) => {
    const parsed = parseSpiffeId(name);
    return parsed.ok ? [spiffeId(parsed.value)] : [];
  });
}
