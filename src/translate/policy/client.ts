import type { ExportTo } from '../../model/export-to.ts';
import type { Labels } from '../../model/object.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import { selectsAll } from '../../model/selector.ts';
import type { RouteAudience } from '../../model/virtual-service.ts';
import { all, type ByNamespace, inNamespace, type Snapshot } from '../../snapshot/snapshot.ts';
import { sidecarLabelsRead } from './sidecar-scope.ts';
import { type VirtualServices, virtualServicesOf } from './virtual-services.ts';

/** Who asks for services: what its kind, its namespace and its labels change in what it is told. */
export interface Client {
  readonly kind: ProxyKind;
  readonly namespace: string;
  readonly labels: Labels;
}

/** A sidecar that no object means in particular. */
export const anyClient: Client = { kind: 'sidecar', namespace: '', labels: {} };
/** A gateway that no object means in particular. */
export const anyRouter: Client = { kind: 'router', namespace: '', labels: {} };

/**
 * Which client a proxy is, as far as any object can tell: all proxies that are alike in this share one outbound side. The shared
 * constant where nothing is meant for its namespace or its labels.
 */
export function clientOf(snapshot: Snapshot, { kind, namespace, labels }: Client): Client {
  const read = clientLabelsRead(snapshot, namespace);
  const own = Object.fromEntries(Object.entries(labels).filter(([key]) => read.has(key)));
  if (Object.keys(own).length === 0 && !isMeant(snapshot, kind, namespace))
    return kind === 'sidecar' ? anyClient : anyRouter;
  return { kind, namespace, labels: own };
}

/** The label keys by which objects tell clients of a namespace apart. */
export function clientLabelsRead(snapshot: Snapshot, namespace: string): ReadonlySet<string> {
  const keys = new Set([...sidecarLabelsRead(snapshot, namespace), ...audienceOf(snapshot).labels]);
  for (const { workloadSelector } of inNamespace(snapshot.destinationRules, namespace))
    for (const key of Object.keys(workloadSelector?.matchLabels ?? {})) keys.add(key);
  return keys;
}

/** May clients of a namespace be told something else than all? */
function isMeant(snapshot: Snapshot, kind: ProxyKind, namespace: string): boolean {
  const { destinationRules, services, serviceEntries, virtualServices, sidecars, mesh } = snapshot;
  const named = [destinationRules, services, serviceEntries].some((each) => namedInExports(each).has(namespace));
  if (destinationRules.has(namespace) || named) return true;
  return (
    kind === 'sidecar' &&
    (sidecars.has(namespace) ||
      namedInExports(virtualServices).has(namespace) ||
      audienceOf(snapshot).namespaces.has(namespace) ||
      [...inNamespace(sidecars, mesh.rootNamespace)].some(({ selector }) => selectsAll(selector)))
  );
}

const exported = new WeakMap<object, ReadonlySet<string>>();

/** The namespaces for which objects of a kind are exported by name; found once for each state of them. */
function namedInExports(objects: ByNamespace<{ readonly exportTo: ExportTo }>): ReadonlySet<string> {
  const found = exported.get(objects);
  if (found !== undefined) return found;
  const names = new Set<string>();
  for (const { exportTo } of all(objects)) if (exportTo !== 'all') for (const each of exportTo) names.add(each);
  exported.set(objects, names);
  return names;
}

/** By what VirtualServices tell clients, sidecars or gateways, apart. */
interface Audience {
  readonly namespaces: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}

const audiences = new WeakMap<VirtualServices, Audience>();

function audienceOf(snapshot: Snapshot): Audience {
  const services = virtualServicesOf(snapshot);
  const found = audiences.get(services);
  if (found !== undefined) return found;
  const [namespaces, labels] = [new Set<string>(), new Set<string>()];
  for (const { gateways, sourceNamespace, sourceLabels } of audiencesIn(services)) {
    if (gateways.length > 0) continue;
    if (sourceNamespace !== '') namespaces.add(sourceNamespace);
    for (const key of Object.keys(sourceLabels)) labels.add(key);
  }
  const audience = { namespaces, labels };
  audiences.set(services, audience);
  return audience;
}

function* audiencesIn(services: VirtualServices): Iterable<RouteAudience> {
  for (const { service, http } of services)
    for (const routes of [http, service.tls, service.tcp]) for (const { matches } of routes) yield* matches;
}
