import { MeshError } from '../lib/errors.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Mode } from './encode.ts';
import type { EnvoyVersion, NodeClaim } from './node.ts';
import type { Peer } from './provider.ts';

/** First Envoy that takes virtual hosts one by one over ADS (VHDS); 1.36 refuses such routes. */
export const vhdsSince: EnvoyVersion = { major: 1, minor: 38, patch: 0 };

/**
 * Compares a node's claim with what its peer proved. Namespace and service account must be equal, and the pod too where
 * the proof names one; otherwise one workload could fetch the configuration, and the keys, of another (behaviour.md 7.2).
 */
export function checkClaim(claim: NodeClaim, peer: Peer, mode: Mode, aggregated: boolean): Proxy {
  const { id, kind, ip, name, namespace, labels } = claim;
  const serviceAccount = peer.kind === 'proven' ? checkProof(claim, peer) : claim.serviceAccount || 'default';
  return { id, kind, ip, name, namespace, serviceAccount, labels, routes: routesOf(claim, mode, aggregated) };
}

function checkProof(claim: NodeClaim, peer: Extract<Peer, { kind: 'proven' }>): string {
  const { namespace, serviceAccount } = peer.identity;
  const proven = `namespace ${namespace}, service account ${serviceAccount}`;
  if (claim.namespace !== namespace) {
    throw denied(`node claims namespace ${claim.namespace}, but its proof is for ${proven}`);
  }
  if (claim.serviceAccount !== '' && claim.serviceAccount !== serviceAccount) {
    throw denied(`node claims service account ${claim.serviceAccount}, but its proof is for ${proven}`);
  }
  if (peer.pod !== undefined && claim.name !== peer.pod) {
    throw denied(`node claims to be ${claim.name}, but its proof is for ${peer.pod} (${proven})`);
  }
  return serviceAccount;
}

function routesOf(claim: NodeClaim, mode: Mode, aggregated: boolean): Proxy['routes'] {
  if (mode !== 'delta' || !aggregated) {
    return 'inline';
  }
  return claim.routes ?? (claim.version !== undefined && atLeast(claim.version, vhdsSince) ? 'vhds' : 'inline');
}

function atLeast(a: EnvoyVersion, b: EnvoyVersion): boolean {
  return (a.major - b.major || a.minor - b.minor || a.patch - b.patch) >= 0;
}

function denied(message: string): MeshError {
  return new MeshError('permission-denied', message);
}
