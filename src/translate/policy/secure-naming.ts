import { type SpiffeId, spiffeId } from '../../model/ids.ts';
import type { Mesh } from '../../model/mesh.ts';
import type { Endpoint } from '../../snapshot/indexes.ts';

/**
 * Who may answer for a service: the identities of the workloads behind it, in every trust domain that counts as ours.
 * A client refuses a server that holds any other certificate (secure naming; behaviour.md 4.4). Empty while nothing is
 * known to run there.
 */
export function serverIdentities(endpoints: Iterable<Endpoint>, mesh: Mesh): readonly SpiffeId[] {
  const ids = new Set<SpiffeId>();
  for (const { workload } of endpoints) {
    if (workload === undefined || workload.serviceAccount === '') continue;
    for (const trustDomain of [mesh.trustDomain, ...mesh.trustDomainAliases]) {
      ids.add(spiffeId({ trustDomain, namespace: workload.meta.namespace, serviceAccount: workload.serviceAccount }));
    }
  }
  return [...ids].sort();
}
