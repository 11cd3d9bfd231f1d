import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import type { Finding, Severity } from '../../model/finding.ts';
import type { Mesh } from '../../model/mesh.ts';
import type { MeshKind, MeshObject } from '../../model/mesh-object.ts';
import { byAge, objectKey } from '../../model/object.ts';
import type { PeerAuthentication } from '../../model/peer-authentication.ts';
import { selects } from '../../model/selector.ts';
import type { Service } from '../../model/service.ts';
import type { Workload } from '../../model/workload.ts';

/** A whole set of objects, sorted for the checks that need more than one. */
export interface World {
  readonly mesh: Mesh;
  /** Oldest first. */
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly services: readonly Service[];
  readonly workloads: readonly Workload[];
  /** Namespaces that exist or hold anything but policies; empty if the set knows nothing but policies. */
  readonly namespaces: readonly string[];
  /** Workloads that a policy applies to (behaviour.md 1.0). */
  readonly selected: (policy: PeerAuthentication | AuthorizationPolicy) => readonly Workload[];
}

/** Sorts a set of objects. */
export function worldOf(objects: readonly MeshObject[], mesh: Mesh): World {
  const of = <K extends MeshKind>(kind: K): readonly Extract<MeshObject, { readonly kind: K }>[] =>
    objects.filter((object): object is Extract<MeshObject, { readonly kind: K }> => object.kind === kind);
  const workloads = objects
    .filter((object): object is Workload => object.kind === 'Pod' || object.kind === 'WorkloadEntry')
    .sort(byAge);
  const byNamespace = Map.groupBy(workloads, (workload) => workload.meta.namespace);
  const namespaces = new Set(of('Namespace').map((namespace) => namespace.meta.name));
  for (const { meta } of [...of('ServiceAccount'), ...of('Service'), ...workloads]) namespaces.add(meta.namespace);
  if (namespaces.size > 0) namespaces.add(mesh.rootNamespace);
  return {
    mesh,
    peerAuthentications: [...of('PeerAuthentication')].sort(byAge),
    authorizationPolicies: [...of('AuthorizationPolicy')].sort(byAge),
    services: [...of('Service')].sort(byAge),
    workloads,
    namespaces: [...namespaces].sort(),
    selected: ({ meta, selector }) => {
      const inScope = meta.namespace === mesh.rootNamespace ? workloads : (byNamespace.get(meta.namespace) ?? []);
      return inScope.filter((workload) => selects(selector, workload.labels));
    },
  };
}

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
