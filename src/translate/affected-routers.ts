import type { DestinationRule } from '../model/destination-rule.ts';
import type { Gateway } from '../model/gateway.ts';
import { fullHost, type Host } from '../model/host.ts';
import type { Secret } from '../model/secret.ts';
import { authoritiesTwin } from '../model/secret-source.ts';
import { selects } from '../model/selector.ts';
import { type Service, serviceHost } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import type { ClientTlsSettings } from '../model/traffic-policy.ts';
import { meshGateway, type VirtualService } from '../model/virtual-service.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { credentialSources } from './envoy/originated-tls.ts';
import { gatewaysOf } from './policy/gateway.ts';
import { routedTo } from './policy/mesh-routes.ts';
import { type RoutedService, rootsOf, virtualServicesOf } from './policy/virtual-services.ts';
import type { View } from './view.ts';

/** Finds the routers whose edge is another one when an object changes: those that a Gateway chooses which reads it. */
export class AffectedRouters {
  readonly #before: Snapshot;
  readonly #after: Snapshot;
  /** Changed themselves, as they were and as they are. */
  readonly #gateways: Gateway[] = [];
  /** Those whose routes changed, `namespace/name`. */
  readonly #routed = new Set<string>();
  readonly #secrets = new Map<string, Set<string>>();

  constructor(before: Snapshot, after: Snapshot) {
    this.#before = before;
    this.#after = after;
  }

  get some(): boolean {
    return this.#gateways.length > 0 || this.#routed.size > 0 || this.#secrets.size > 0;
  }

  readonly reads = (view: View): boolean => {
    if (view.kind !== 'router') return false;
    if (this.#gateways.some(({ selector }) => selects(selector, view.labels))) return true;
    const secrets = this.#secrets.get(view.namespace);
    if (secrets !== undefined && [...credentialsOfRules(this.#after)].some((name) => secrets.has(name))) return true;
    if (this.#routed.size === 0 && secrets === undefined) return false;
    return gatewaysOf(this.#after, view).some(
      (gateway) =>
        this.#routed.has(`${gateway.meta.namespace}/${gateway.meta.name}`) ||
        (secrets !== undefined && credentialsNamed(gateway).some((name) => secrets.has(name))),
    );
  };

  addGateway(gateway: Gateway): void {
    this.#gateways.push(gateway);
  }

  /** A router reads Secrets of its own namespace, and of those the ones that its Gateways name. */
  addSecret({ meta: { namespace, name } }: Secret): void {
    this.#secrets.set(namespace, (this.#secrets.get(namespace) ?? new Set()).add(name));
  }

  /** As itself, or as what others delegate to. */
  addVirtualService(object: VirtualService): void {
    for (const service of rootsOf(object, [this.#before, this.#after])) this.#addRouted({ service });
  }

  addService(service: Service): void {
    this.#addRoutesTo(serviceHost(service, this.#after.mesh.dnsDomain));
  }

  addEntry(entry: ServiceEntry): void {
    for (const host of entry.hosts) this.#addRoutesTo(host);
  }

  /** Routes hash what a load balancer wants. */
  addRule({ host, meta }: DestinationRule): void {
    this.#addRoutesTo(fullHost(host, meta.namespace, this.#after.mesh.dnsDomain));
  }

  #addRoutesTo(pattern: Host): void {
    for (const routed of routedTo(virtualServicesOf(this.#after), pattern)) this.#addRouted(routed);
  }

  #addRouted({ service }: Pick<RoutedService, 'service'>): void {
    for (const gateway of service.gateways) if (gateway !== meshGateway) this.#routed.add(gateway);
  }
}

const ofRules = new WeakMap<Snapshot['destinationRules'], ReadonlySet<string>>();

/** The names of Secrets that DestinationRules name, with which gateways speak TLS; found once for each state of them. */
function credentialsOfRules({ destinationRules }: Snapshot): ReadonlySet<string> {
  const found = ofRules.get(destinationRules);
  if (found !== undefined) return found;
  const names = new Set<string>();
  for (const { trafficPolicy, subsets } of all(destinationRules)) {
    const policies = [trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)];
    for (const policy of policies)
      for (const { tls } of policy === undefined ? [] : [policy, ...policy.ports.values()])
        for (const { credential } of credentialsOf(tls)) names.add(credential).add(authoritiesTwin(credential));
  }
  ofRules.set(destinationRules, names);
  return names;
}

function credentialsOf(tls: ClientTlsSettings | undefined) {
  if (tls === undefined || tls.mode === 'DISABLE' || tls.mode === 'ISTIO_MUTUAL') return [];
  return credentialSources(tls).flatMap((source) => ('credential' in source ? [source] : []));
}

/** The names of Secrets that a Gateway's servers may read. */
function credentialsNamed({ servers }: Gateway): readonly string[] {
  return servers.flatMap(({ tls }) => {
    if (tls === undefined || !('certificate' in tls)) return [];
    const pairs = tls.certificate.kind === 'credentials' ? tls.certificate.names.map(({ name }) => name) : [];
    if (tls.mode === 'SIMPLE' || tls.authorities.kind === 'file') return pairs;
    const { name } = tls.authorities.name;
    return [...pairs, name, authoritiesTwin(name)];
  });
}
