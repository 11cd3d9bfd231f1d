import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import type { DestinationRule } from '../../model/destination-rule.ts';
import type { Finding, Severity } from '../../model/finding.ts';
import { withFullHosts } from '../../model/full-hosts.ts';
import type { Gateway } from '../../model/gateway.ts';
import type { Mesh } from '../../model/mesh.ts';
import type { MeshKind, MeshObject } from '../../model/mesh-object.ts';
import { byAge, type Labels, objectKey } from '../../model/object.ts';
import type { PeerAuthentication } from '../../model/peer-authentication.ts';
import { holdsFor } from '../../model/policy-scope.ts';
import type { RequestAuthentication } from '../../model/request-authentication.ts';
import type { Secret } from '../../model/secret.ts';
import { type Selector, selects } from '../../model/selector.ts';
import type { Service } from '../../model/service.ts';
import type { ServiceEntry } from '../../model/service-entry.ts';
import type { VirtualService } from '../../model/virtual-service.ts';
import type { Namespace, Workload } from '../../model/workload.ts';

/** What chooses workloads. */
export type Policy = PeerAuthentication | RequestAuthentication | AuthorizationPolicy;

/** A whole set of objects, sorted for the checks that need more than one. */
export interface World {
  readonly mesh: Mesh;
  /** The root namespace's own object, where it is known. */
  readonly root: Namespace | undefined;
  /** Oldest first. */
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  /** Whether some RequestAuthentication holds for a workload. */
  readonly verifiesTokens: (workload: { readonly namespace: string; readonly labels: Labels }) => boolean;
  readonly services: readonly Service[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly destinationRules: readonly DestinationRule[];
  readonly gateways: readonly Gateway[];
  /** With full names. */
  readonly virtualServices: readonly VirtualService[];
  readonly workloads: readonly Workload[];
  readonly secretOf: (namespace: string, name: string) => Secret | undefined;
  /** Namespaces that exist or hold anything but policies; empty if the set knows nothing but policies. */
  readonly namespaces: readonly string[];
  /** Workloads of any namespace with these labels: those that a Gateway is for. */
  readonly withLabels: (selector: Selector) => readonly Workload[];
  /** Workloads of one namespace with these labels: those behind a Service. */
  readonly inNamespace: (namespace: string, selector: Selector) => readonly Workload[];
  /** Workloads that a policy applies to (behaviour.md 1.0). */
  readonly selected: (policy: Policy) => readonly Workload[];
}

/** Sorts a set of objects. */
export function worldOf(objects: readonly MeshObject[], mesh: Mesh): World {
  const of = <K extends MeshKind>(kind: K): readonly Extract<MeshObject, { readonly kind: K }>[] =>
    objects.filter((object): object is Extract<MeshObject, { readonly kind: K }> => object.kind === kind);
  const workloads = objects
    .filter((object): object is Workload => object.kind === 'Pod' || object.kind === 'WorkloadEntry')
    .sort(byAge);
  const secrets = new Map(of('Secret').map((secret) => [`${secret.meta.namespace}/${secret.meta.name}`, secret]));
  const everywhere = selection(workloads);
  const byNamespace = new Map(
    [...Map.groupBy(workloads, (workload) => workload.meta.namespace)].map(([name, each]) => [name, selection(each)]),
  );
  const inNamespace: World['inNamespace'] = (namespace, selector) => byNamespace.get(namespace)?.(selector) ?? [];
  const namespaces = new Set(of('Namespace').map((namespace) => namespace.meta.name));
  for (const { meta } of [...of('ServiceAccount'), ...of('Service'), ...workloads]) namespaces.add(meta.namespace);
  if (namespaces.size > 0) namespaces.add(mesh.rootNamespace);
  return {
    mesh,
    root: of('Namespace').find((namespace) => namespace.meta.name === mesh.rootNamespace),
    peerAuthentications: [...of('PeerAuthentication')].sort(byAge),
    authorizationPolicies: [...of('AuthorizationPolicy')].sort(byAge),
    requestAuthentications: [...of('RequestAuthentication')].sort(byAge),
    verifiesTokens: verifier(of('RequestAuthentication'), mesh.rootNamespace),
    services: [...of('Service')].sort(byAge),
    serviceEntries: [...of('ServiceEntry')].sort(byAge),
    destinationRules: [...of('DestinationRule')].sort(byAge),
    gateways: [...of('Gateway')].sort(byAge),
    virtualServices: of('VirtualService')
      .map((service) => withFullHosts(service, mesh.dnsDomain))
      .sort(byAge),
    workloads,
    secretOf: (namespace, name) => secrets.get(`${namespace}/${name}`),
    namespaces: [...namespaces].sort(),
    withLabels: everywhere,
    inNamespace,
    selected: ({ meta, selector, ...more }) => {
      // Sidecars take no attached policy.
      if ('targets' in more && more.targets.length > 0) return [];
      return meta.namespace === mesh.rootNamespace ? everywhere(selector) : inNamespace(meta.namespace, selector);
    },
  };
}

/**
 * Finds what a selector chooses, in the order given. By the rarest of its labels: thousands of policies in one namespace must
 * not be compared with each of its pods, again and again, while nothing else is served.
 */
function selection(workloads: readonly Workload[]): (selector: Selector) => readonly Workload[] {
  let index: ReadonlyMap<string, readonly Workload[]> | undefined;
  return (selector) => {
    const wanted = Object.entries(selector.matchLabels);
    if (wanted.length === 0) return workloads.filter((workload) => selects(selector, workload.labels));
    index ??= byLabel(workloads);
    const [rarest = []] = wanted
      .map(([key, value]) => index?.get(labelText(key, value)) ?? [])
      .sort((a, b) => a.length - b.length);
    return rarest.filter((workload) => selects(selector, workload.labels));
  };
}

function byLabel(workloads: readonly Workload[]): ReadonlyMap<string, readonly Workload[]> {
  const found = new Map<string, Workload[]>();
  for (const workload of workloads)
    for (const [key, value] of Object.entries(workload.labels)) {
      const text = labelText(key, value);
      const those = found.get(text);
      if (those === undefined) found.set(text, [workload]);
      else those.push(workload);
    }
  return found;
}

const labelText = (key: string, value: string): string => `${key}=${value}`;

/** A finding of one of these checks. */
export function lintFinding(
  severity: Severity,
  code: string,
  object: MeshObject,
  field: string,
  message: string,
  hint = '',
): Finding {
  return { severity, code, object: objectKey(object), origin: object.meta.origin, field, message, hint };
}

/** Whether tokens are verified for a workload. */
function verifier(policies: readonly RequestAuthentication[], rootNamespace: string): World['verifiesTokens'] {
  const byNamespace = Map.groupBy(policies, ({ meta }) => meta.namespace);
  return (workload) =>
    [...new Set([rootNamespace, workload.namespace])].some((namespace) =>
      (byNamespace.get(namespace) ?? []).some(
        (policy) => policy.rules.length > 0 && holdsFor(policy, workload, rootNamespace),
      ),
    );
}
