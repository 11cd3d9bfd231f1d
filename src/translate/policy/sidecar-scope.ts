import { type ExportTo, visibleIn } from '../../model/export-to.ts';
import { type Host, narrower } from '../../model/host.ts';
import type { Mesh } from '../../model/mesh.ts';
import { byAge, type Labels } from '../../model/object.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import { selects, selectsAll } from '../../model/selector.ts';
import { isHttp } from '../../model/service.ts';
import { type EgressListener, isEveryAddress, type Sidecar, type SidecarOutboundPolicy } from '../../model/sidecar.ts';
import type { Named, Snapshot } from '../../snapshot/snapshot.ts';

/** The proxy that asks. */
export interface ScopedProxy {
  readonly kind: ProxyKind;
  readonly namespace: string;
  readonly labels: Labels;
}

/** What scoping reads of a service. */
export interface ScopedService {
  readonly host: Host;
  readonly namespace: string;
  readonly exportTo: ExportTo;
  readonly ports: readonly { readonly port: number }[];
}

/**
 * The Sidecar that holds for a proxy: the oldest one of its namespace that selects it, else the namespace's oldest without a selector,
 * else that of the root namespace. Gateways have none (behaviour.md 4.6).
 */
export function sidecarOf(snapshot: Snapshot, { kind, namespace, labels }: ScopedProxy): Sidecar | undefined {
  if (kind !== 'sidecar') return undefined;
  const own = oldestFirst(snapshot, namespace);
  return (
    own.find(({ selector }) => !selectsAll(selector) && selects(selector, labels)) ??
    own.find(({ selector }) => selectsAll(selector)) ??
    oldestFirst(snapshot, snapshot.mesh.rootNamespace).find(({ selector }) => selectsAll(selector))
  );
}

const known = new WeakMap<Named<Sidecar>, readonly Sidecar[]>();

/** Sorted once for each state of a namespace: snapshots share what didn't change. */
function oldestFirst(snapshot: Snapshot, namespace: string): readonly Sidecar[] {
  const named = snapshot.sidecars.get(namespace);
  if (named === undefined) return [];
  const found = known.get(named);
  if (found !== undefined) return found;
  const sorted = [...named.values()].sort(byAge);
  known.set(named, sorted);
  return sorted;
}

/** What is done with traffic to unknown hosts: the Sidecar says, else the mesh (behaviour.md 4.1). */
export function outboundPolicyOf(sidecar: Sidecar | undefined, mesh: Mesh): SidecarOutboundPolicy {
  return sidecar?.outboundPolicy ?? { mode: mesh.outboundTrafficPolicy, egressProxy: undefined };
}

/**
 * Where applications of a Sidecar's workloads connect by themselves, as nothing is intercepted there: the loopback, unless it says where.
 * Every address means the loopback, too: at those of the pod stands what is intercepted, and strangers come there.
 */
export function boundPorts(
  sidecar: Sidecar | undefined,
): readonly { readonly address: string; readonly port: number; readonly http: boolean }[] {
  return (sidecar?.egress ?? []).flatMap(({ port, bind, captureMode }) => {
    const isBound = bind !== '' || captureMode === 'NONE';
    if (port === undefined || !isBound || bind.startsWith('/')) return [];
    return [
      {
        address: bind === '' || isEveryAddress(bind) ? '127.0.0.1' : bind,
        port: port.number,
        http: isHttp(port.protocol),
      },
    ];
  });
}

/** The listener that a port goes through: its own, else the one without a port. */
export function egressListenerOf(egress: readonly EgressListener[], port: number): EgressListener | undefined {
  return (
    egress.find((listener) => listener.port?.number === port) ?? egress.find((listener) => listener.port === undefined)
  );
}

/**
 * The ports of a service that clients of `namespace` under a Sidecar know; empty: they don't know the service. It must be exported to
 * them, too. A listener that names a host below a wildcard service imports that service whole.
 */
export function importedPorts(
  sidecar: Sidecar | undefined,
  namespace: string,
  service: ScopedService,
): readonly number[] {
  const ports = service.ports.map(({ port }) => port);
  if (!visibleIn(service.exportTo, namespace)) return [];
  if (sidecar?.egress === undefined) return ports;
  const { egress } = sidecar;
  return ports.filter((port) =>
    (egressListenerOf(egress, port)?.hosts ?? []).some(
      (imported) =>
        (imported.namespace === undefined || imported.namespace === service.namespace) &&
        narrower(service.host, imported.host) !== undefined,
    ),
  );
}

/** The label keys by which Sidecars of a namespace choose their proxies. */
export function sidecarLabelsRead(snapshot: Snapshot, namespace: string): ReadonlySet<string> {
  return new Set(oldestFirst(snapshot, namespace).flatMap(({ selector }) => Object.keys(selector.matchLabels)));
}
