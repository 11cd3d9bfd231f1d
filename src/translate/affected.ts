import { assertNever } from '../lib/assert-never.ts';
import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import type { DestinationRule } from '../model/destination-rule.ts';
import type { Gateway } from '../model/gateway.ts';
import type { Host } from '../model/host.ts';
import { keySetId } from '../model/key-set.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { holdsFor } from '../model/policy-scope.ts';
import type { RequestAuthentication } from '../model/request-authentication.ts';
import type { Secret } from '../model/secret.ts';
import { type Selector, selects, selectsAll } from '../model/selector.ts';
import { type EndpointSlice, type Service, serviceHost } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import type { RouteAudience, VirtualService } from '../model/virtual-service.ts';
import type { Workload } from '../model/workload.ts';
import { type Change, sides, subject } from '../snapshot/diff.ts';
import { serviceSelects } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { AffectedRouters } from './affected-routers.ts';
import { AffectedServices } from './affected-services.ts';
import { sidecarOf } from './policy/sidecar-scope.ts';
import type { ServiceKey } from './registry.ts';
import type { View } from './view.ts';

/** What a set of changes can have an effect on. Everything else isn't even looked at. */
export interface Scope {
  /** The services whose clients' configuration reads a change. */
  readonly services: ReadonlySet<ServiceKey>;
  /** A rule for clients came, went or changed: some may have another outbound side. */
  readonly clientsChanged: boolean;
  /** A Gateway came, went or changed: routers may be told apart by other labels. */
  readonly gatewaysChanged: boolean;
  /** `namespace/name` of workloads whose proxies may belong to another view. */
  readonly workloads: ReadonlySet<string>;
  /** Namespaces whose selectors may read other labels. */
  readonly selectorsChanged: ReadonlySet<string> | 'all';
  /** Namespaces where EndpointSlices may lead to other workloads by address. */
  readonly pinsChanged: ReadonlySet<string>;
  /** Views that read a change. */
  readonly views: { readonly namespaces: ReadonlySet<string> | 'all'; readonly reads: (view: View) => boolean };
}

/** Finds what `changes`, which lead from `before` to `after`, can have an effect on. */
export function affected(before: Snapshot, after: Snapshot, changes: readonly Change[]): Scope {
  const collector = new Collector(before, after);
  for (const change of changes) collector.add(change);
  collector.addKeySets();
  return collector;
}

class Collector implements Scope {
  clientsChanged = false;
  gatewaysChanged = false;
  readonly workloads = new Set<string>();
  readonly #selectors = new Set<string>();
  #allSelectors = false;
  readonly pinsChanged = new Set<string>();
  readonly #viewNamespaces = new Map<string, ((view: View) => boolean)[]>();
  readonly #everywhere: ((view: View) => boolean)[] = [];
  readonly #before: Snapshot;
  readonly #after: Snapshot;
  readonly #services: AffectedServices;
  readonly #routers: AffectedRouters;

  constructor(before: Snapshot, after: Snapshot) {
    this.#before = before;
    this.#after = after;
    this.#services = new AffectedServices(before, after);
    this.#routers = new AffectedRouters(before, after);
  }

  get services(): ReadonlySet<ServiceKey> {
    return this.#services.keys;
  }

  get selectorsChanged(): ReadonlySet<string> | 'all' {
    return this.#allSelectors ? 'all' : this.#selectors;
  }

  get views(): Scope['views'] {
    const reads = (view: View): boolean =>
      this.#everywhere.some((each) => each(view)) ||
      this.#routers.reads(view) ||
      (this.#viewNamespaces.get(view.namespace) ?? []).some((each) => each(view));
    return {
      namespaces: this.#everywhere.length > 0 || this.#routers.some ? 'all' : new Set(this.#viewNamespaces.keys()),
      reads,
    };
  }

  add(change: Change): void {
    const { kind, meta } = subject(change);
    const root = meta.namespace === this.#after.mesh.rootNamespace;
    switch (kind) {
      case 'Namespace':
      case 'ServiceAccount':
        return;
      case 'Pod':
      case 'WorkloadEntry':
        this.#addWorkload(change, meta.namespace, meta.name);
        return;
      case 'EndpointSlice':
        for (const side of sides(change) as EndpointSlice[]) {
          this.#services.addSlice(side);
          const services = [this.#before, this.#after].map(({ services }) =>
            services.get(meta.namespace)?.get(side.service),
          );
          this.#addPins(services.filter((service) => service !== undefined));
        }
        return;
      case 'Service':
        for (const side of sides(change) as Service[]) {
          this.#services.addService(side);
          this.#routers.addService(side);
          if (side.exportTo !== 'all') this.clientsChanged = true;
        }
        this.#selectors.add(meta.namespace);
        this.#addPins(sides(change) as Service[]);
        this.#addAuthorizers([serviceHost({ meta }, this.#after.mesh.dnsDomain)]);
        this.#addViews(meta.namespace, (view) =>
          (sides(change) as Service[]).some(
            (service) =>
              serviceSelects(service, view.labels) || view.pinnedBy.some((pin) => pin.service === service.meta.name),
          ),
        );
        return;
      case 'PeerAuthentication':
        this.#selectors.add(meta.namespace);
        this.#addPeerAuthentication(change, meta.namespace, root);
        return;
      case 'RequestAuthentication':
      case 'AuthorizationPolicy':
        if (root) this.#allSelectors = true;
        else this.#selectors.add(meta.namespace);
        for (const side of sides(change)) if (isScoped(side)) this.#addScope(side);
        return;
      case 'DestinationRule':
        this.clientsChanged = true;
        this.#selectors.add(meta.namespace);
        for (const side of sides(change) as DestinationRule[]) {
          this.#services.addRule(side);
          this.#routers.addRule(side);
        }
        return;
      case 'VirtualService':
        this.#addVirtualService(sides(change) as VirtualService[]);
        return;
      case 'ServiceEntry':
        this.clientsChanged = true;
        for (const side of sides(change) as ServiceEntry[]) {
          this.#services.addEntry(side);
          this.#routers.addEntry(side);
          this.#addAuthorizers(side.hosts);
        }
        return;
      case 'Sidecar':
        this.clientsChanged = true;
        this.#selectors.add(meta.namespace);
        this.#addViews(
          root ? 'all' : meta.namespace,
          (view) => sidecarOf(this.#before, view) !== sidecarOf(this.#after, view),
        );
        return;
      case 'Gateway':
        this.gatewaysChanged = true;
        for (const side of sides(change) as Gateway[]) this.#routers.addGateway(side);
        return;
      case 'Secret':
        for (const side of sides(change) as Secret[]) this.#routers.addSecret(side);
        return;
      default:
        assertNever(kind);
    }
  }

  /** Keys that came, changed or went touch whoever trusts their issuer. */
  addKeySets(): void {
    const [before, after] = [this.#before.keySets, this.#after.keySets];
    if (before === after) return;
    const changed = new Set(
      [...before.keys(), ...after.keys()].filter((id) => before.get(id)?.jwks !== after.get(id)?.jwks),
    );
    for (const policy of all(this.#after.requestAuthentications)) {
      if (policy.rules.some(({ keys }) => changed.has(keySetId(keys) ?? ''))) this.#addScope(policy);
    }
  }

  /** The views that a policy holds for. */
  #addScope(policy: AuthorizationPolicy | RequestAuthentication): void {
    const { rootNamespace } = this.#after.mesh;
    const everywhere = policy.meta.namespace === rootNamespace && policy.targets.length === 0;
    this.#addViews(everywhere ? 'all' : policy.meta.namespace, (view) => holdsFor(policy, view, rootNamespace));
  }

  /** Whom it is for may be told by labels that nothing else reads. */
  #addVirtualService(services: readonly VirtualService[]): void {
    this.clientsChanged = true;
    for (const each of services) {
      this.#services.addVirtualService(each);
      this.#routers.addVirtualService(each);
      const matches = [...each.http, ...each.tls, ...each.tcp].flatMap(
        (route): readonly RouteAudience[] => route.matches,
      );
      if (matches.some(({ sourceLabels }) => Object.keys(sourceLabels).length > 0)) this.#allSelectors = true;
    }
  }

  /** Whether an external authorizer can be asked depends on its service, and any CUSTOM policy may name it. */
  #addAuthorizers(hosts: readonly Host[]): void {
    const { mesh, authorizationPolicies } = this.#after;
    const providers = new Set(
      mesh.extensionProviders.filter(({ service }) => hosts.includes(service)).map((each) => each.name),
    );
    if (providers.size === 0) return;
    for (const policy of all(authorizationPolicies)) if (providers.has(policy.provider)) this.#addScope(policy);
  }

  #addWorkload(change: Change, namespace: string, name: string): void {
    this.workloads.add(`${namespace}/${name}`);
    this.#services.addWorkload(sides(change) as Workload[], namespace, name);
  }

  /** Only a service without selector lists workloads, so the slices of all others move nobody to another view. */
  #addPins(services: readonly Service[]): void {
    for (const { selector, meta } of services) {
      if (selector !== undefined) continue;
      this.#selectors.add(meta.namespace);
      this.pinsChanged.add(meta.namespace);
    }
  }

  #addPeerAuthentication(change: Change, namespace: string, root: boolean): void {
    const selectors = selectorsOf(change);
    const wide = selectors.some(selectsAll);
    if (root && !wide) return;
    const selected = (view: View): boolean => selectors.some((each) => selects(each, view.labels));
    // It says nothing of the ports of Gateways (behaviour.md 1.0).
    this.#addViews(root ? 'all' : namespace, (view) => view.kind === 'sidecar' && selected(view));
    this.#services.addAll(root ? 'mesh' : namespace);
  }

  #addViews(namespace: string | 'all', reads: (view: View) => boolean): void {
    if (namespace === 'all') {
      this.#everywhere.push(reads);
      return;
    }
    const known = this.#viewNamespaces.get(namespace) ?? [];
    known.push(reads);
    this.#viewNamespaces.set(namespace, known);
  }
}

function selectorsOf(change: Change): readonly Selector[] {
  return sides(change)
    .map((side) => selectorOf(side))
    .filter((selector) => selector !== undefined);
}

function selectorOf(object: MeshObject): Selector | undefined {
  return object.kind === 'PeerAuthentication' ? object.selector : undefined;
}

function isScoped(object: MeshObject): object is AuthorizationPolicy | RequestAuthentication {
  return object.kind === 'AuthorizationPolicy' || object.kind === 'RequestAuthentication';
}
