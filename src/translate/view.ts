import { type ViewId, viewId } from '../model/ids.ts';
import { compareText, type Labels } from '../model/object.ts';
import type { Proxy } from '../model/proxy.ts';
import { findWorkload, pinningServices } from '../snapshot/indexes.ts';
import { inNamespace, type Snapshot } from '../snapshot/snapshot.ts';
import type { Policies } from './policies.ts';
import { clientLabelsRead } from './policy/client.ts';
import { gatewayLabelsRead } from './policy/gateway.ts';
import type { ProxiedWorkload, WorkloadFacts } from './policy/inbound.ts';

/**
 * What proxies must have in common to get equal configuration. Two pods of one Deployment differ only in what nothing
 * reads, so they are one view, and all work is done once for both.
 */
export interface View extends ProxiedWorkload {
  readonly id: ViewId;
  readonly routes: Proxy['routes'];
  /** A router that the registry doesn't know gets no key: what it says of itself could make a gateway of any pod. */
  readonly registered: boolean;
}

/** The label keys that some selector of a namespace reads; all other labels can't make a difference. */
export function labelsRead(
  snapshot: Snapshot,
  namespace: string,
  policies: Pick<Policies, 'keysRead'>,
): ReadonlySet<string> {
  const keys = new Set<string>();
  const read = (labels: Labels | undefined): void => {
    for (const key of Object.keys(labels ?? {})) keys.add(key);
  };
  for (const service of inNamespace(snapshot.services, namespace)) read(service.selector);
  for (const policy of inNamespace(snapshot.peerAuthentications, namespace)) read(policy.selector.matchLabels);
  for (const key of clientLabelsRead(snapshot, namespace)) keys.add(key);
  for (const scope of new Set([namespace, snapshot.mesh.rootNamespace])) {
    for (const key of policies.keysRead(scope)) keys.add(key);
  }
  return keys;
}

/**
 * The view of a proxy. The registry says what its labels and ports are; what the node itself says counts only until the
 * registry knows the workload (it never decides identity).
 */
export function viewOf(snapshot: Snapshot, proxy: Proxy, read: ReadonlySet<string>): View {
  const workload = findWorkload(snapshot, proxy.namespace, proxy.name);
  const chosen = proxy.kind === 'router' ? new Set([...read, ...gatewayLabelsRead(snapshot)]) : read;
  const labels = pick(workload?.labels ?? proxy.labels, chosen);
  const facts = {
    kind: proxy.kind,
    namespace: proxy.namespace,
    labels,
    namedPorts: sorted(workload?.namedPorts ?? {}),
    pinnedBy: pinningServices(snapshot, proxy.namespace, workload?.addresses ?? [proxy.ip]),
  };
  const registered = proxy.kind === 'sidecar' || workload !== undefined;
  return { id: nameOf(proxy, facts, registered), routes: proxy.routes, registered, ...facts };
}

/**
 * Readable, and different whenever anything differs that the configuration depends on: `foo/sidecar/vhds app=httpbin`.
 * A node may write anything into labels of a workload that the registry doesn't know, so nothing of it can pass for
 * another part of the name: two proxies of one name get one configuration.
 */
function nameOf(proxy: Proxy, facts: WorkloadFacts, registered: boolean): ViewId {
  const labels = Object.entries(facts.labels).map(([key, value]) => `${plain(key)}=${plain(value)}`);
  const ports = portsText(Object.entries(facts.namedPorts).map(([name, port]) => ({ name, port })));
  const parts = [
    ...(registered ? [] : ['unregistered']),
    ...labels,
    ...(ports === '' ? [] : [`ports(${ports})`]),
    ...facts.pinnedBy.map((pin) => `service(${plain(pin.service)} ${portsText(pin.ports)})`),
  ];
  return viewId([`${plain(facts.namespace)}/${proxy.kind}/${proxy.routes}`, ...parts].join(' '));
}

function portsText(ports: readonly { readonly name: string; readonly port: number }[]): string {
  return ports.map(({ name, port }) => `${plain(name)}:${port}`).join();
}

/** Kubernetes' own names as they are; every other character by its number. */
function plain(text: string): string {
  return text.replace(/[^\w./-]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function pick(labels: Labels, keys: ReadonlySet<string>): Labels {
  return sorted(Object.fromEntries(Object.entries(labels).filter(([key]) => keys.has(key))));
}

function sorted<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compareText(a, b)));
}
