import { byAge, type Labels } from '../../model/object.ts';
import type { MtlsMode, MtlsSetting, PeerAuthentication } from '../../model/peer-authentication.ts';
import { selects, selectsAll } from '../../model/selector.ts';
import { inNamespace, type Snapshot } from '../../snapshot/snapshot.ts';

/** The mTLS modes of one workload (behaviour.md 1.1). */
export interface EffectiveMtls {
  /** Ports that `portLevel` doesn't list. */
  readonly mode: MtlsMode;
  /** By target port, ascending; only from the winning workload policy. */
  readonly portLevel: ReadonlyMap<number, MtlsMode>;
}

/** The oldest selector-less policy of a namespace: the only one there that counts. */
export function namespaceWide(snapshot: Snapshot, namespace: string): PeerAuthentication | undefined {
  return oldest(snapshot, namespace, (policy) => selectsAll(policy.selector));
}

/** The oldest policy that selects these labels. The root namespace has none: selectors there are ignored. */
export function workloadWide(snapshot: Snapshot, namespace: string, labels: Labels): PeerAuthentication | undefined {
  if (namespace === snapshot.mesh.rootNamespace) return undefined;
  return oldest(snapshot, namespace, (policy) => !selectsAll(policy.selector) && selects(policy.selector, labels));
}

/**
 * What namespace and mesh policies say for a namespace; all that a client can know of a service as a whole
 * (behaviour.md 4.4: clients don't see workload policies on the cluster).
 */
export function namespaceMode(snapshot: Snapshot, namespace: string): MtlsMode {
  const root = snapshot.mesh.rootNamespace;
  const mesh = namespaceWide(snapshot, root)?.mtls ?? 'UNSET';
  const own = namespace === root ? 'UNSET' : (namespaceWide(snapshot, namespace)?.mtls ?? 'UNSET');
  return inherit(own, inherit(mesh, snapshot.mesh.mtlsWithoutPolicy));
}

/** Mesh, then namespace, then workload: the narrowest that isn't UNSET holds; without any, what the mesh settings say. */
export function effectiveMtls(snapshot: Snapshot, namespace: string, labels: Labels): EffectiveMtls {
  const policy = workloadWide(snapshot, namespace, labels);
  const mode = inherit(policy?.mtls ?? 'UNSET', namespaceMode(snapshot, namespace));
  const portLevel = new Map<number, MtlsMode>();
  for (const [port, setting] of policy?.portLevelMtls ?? []) portLevel.set(port, inherit(setting, mode));
  return { mode, portLevel: new Map([...portLevel].sort(([a], [b]) => a - b)) };
}

export function modeOfPort(mtls: EffectiveMtls, port: number): MtlsMode {
  return mtls.portLevel.get(port) ?? mtls.mode;
}

function inherit(setting: MtlsSetting, wider: MtlsMode): MtlsMode {
  return setting === 'UNSET' ? wider : setting;
}

function oldest(
  snapshot: Snapshot,
  namespace: string,
  fits: (policy: PeerAuthentication) => boolean,
): PeerAuthentication | undefined {
  let winner: PeerAuthentication | undefined;
  for (const policy of inNamespace(snapshot.peerAuthentications, namespace)) {
    if (fits(policy) && (winner === undefined || byAge(policy, winner) < 0)) winner = policy;
  }
  return winner;
}
