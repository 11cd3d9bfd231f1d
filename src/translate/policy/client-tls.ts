import type { Mesh } from '../../model/mesh.ts';
import type { MtlsMode } from '../../model/peer-authentication.ts';
import type { ClientTlsSettings, OriginatedTls } from '../../model/traffic-policy.ts';
import type { Endpoint } from '../../snapshot/indexes.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import { effectiveMtls, modeOfPort } from './mtls.ts';

/**
 * How a client reaches a service port (behaviour.md 4.4, decision table): `auto` chooses mTLS or plaintext per endpoint,
 * by its metadata; `plaintext` never speaks TLS; a DestinationRule may ask for mesh mTLS wherever it leads, or for TLS with
 * other certificates.
 */
export type ClientTls = 'auto' | 'plaintext' | Exclude<ClientTlsSettings, { readonly mode: 'DISABLE' }>;

/** TLS with certificates that aren't the mesh's. */
export function isOriginated(tls: ClientTls): tls is OriginatedTls {
  return typeof tls !== 'string' && tls.mode !== 'ISTIO_MUTUAL';
}

/** `asked` is what a DestinationRule says for the port, `inferred` the server's mode as its namespace tells it. */
export function clientTls(mesh: Mesh, inferred: MtlsMode, asked: ClientTlsSettings | undefined): ClientTls {
  if (asked !== undefined) return asked.mode === 'DISABLE' ? 'plaintext' : asked;
  return mesh.enableAutoMtls && inferred !== 'DISABLE' ? 'auto' : 'plaintext';
}

/** Does this endpoint take mesh mTLS: a sidecar is there, and its own policy doesn't switch mTLS off on that port? */
export function endpointTakesMtls(snapshot: Snapshot, endpoint: Endpoint): boolean {
  const { workload, port } = endpoint;
  if (workload === undefined || workload.tlsMode !== 'istio') return false;
  const mtls = effectiveMtls(snapshot, workload.meta.namespace, workload.labels);
  return modeOfPort(mtls, port) !== 'DISABLE';
}
