import { objectKey } from '../../model/object.ts';
import type { MtlsMode, MtlsSetting, PeerAuthentication } from '../../model/peer-authentication.ts';
import { selectsAll } from '../../model/selector.ts';
import type { Workload } from '../../model/workload.ts';
import type { World } from './world.ts';

/** What a port of a workload takes, and who says so. */
export interface ServerMtls {
  readonly mode: MtlsMode;
  /** `Kind/namespace/name`; '' where nobody says anything. */
  readonly by: string;
}

/** Finds it: port, workload, namespace and mesh, the narrowest that says something (behaviour.md 1.1). */
export function serverMtls({
  peerAuthentications,
  mesh,
  selected,
}: World): (workload: Workload, port: number) => ServerMtls {
  const wide = new Map<string, PeerAuthentication>();
  const narrow = new Map<Workload, PeerAuthentication>();
  for (const policy of peerAuthentications) {
    const { namespace } = policy.meta;
    if (selectsAll(policy.selector)) {
      if (!wide.has(namespace)) wide.set(namespace, policy);
    } else if (namespace !== mesh.rootNamespace) {
      for (const workload of selected(policy)) if (!narrow.has(workload)) narrow.set(workload, policy);
    }
  }
  return (workload, port) => {
    const own = narrow.get(workload);
    const said: readonly (readonly [MtlsSetting | undefined, PeerAuthentication | undefined])[] = [
      [own?.portLevelMtls.get(port), own],
      ...[own, wide.get(workload.meta.namespace), wide.get(mesh.rootNamespace)].map(
        (each) => [each?.mtls, each] as const,
      ),
    ];
    for (const [mode, policy] of said)
      if (mode !== undefined && mode !== 'UNSET' && policy !== undefined) return { mode, by: objectKey(policy) };
    return { mode: mesh.mtlsWithoutPolicy, by: '' };
  };
}
