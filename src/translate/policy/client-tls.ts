import type { Mesh } from '../../model/mesh.ts';
import type { MtlsMode } from '../../model/peer-authentication.ts';
import type { Endpoint } from '../../snapshot/indexes.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import { effectiveMtls, modeOfPort } from './mtls.ts';

/**
 * How a client reaches a service port (behaviour.md 4.4, decision table): `auto` chooses mTLS or plaintext per endpoint,
 * by its metadata; `plaintext` never speaks TLS.
 */
export type ClientTls = 'auto' | 'plaintext';

export function clientTls(mesh: Mesh, inferred: MtlsMode): ClientTls {
  return mesh.enableAutoMtls && inferred !== 'DISABLE' ? 'auto' : 'plaintext';
}

/** Does this endpoint take mesh mTLS: a sidecar is there, and its own policy doesn't switch mTLS off on that port? */
export function endpointTakesMtls(snapshot: Snapshot, endpoint: Endpoint): boolean {
  const { workload, port } = endpoint;
  if (workload === undefined || workload.tlsMode !== 'istio') return false;
  const mtls = effectiveMtls(snapshot, workload.meta.namespace, workload.labels);
  return modeOfPort(mtls, port) !== 'DISABLE';
}
