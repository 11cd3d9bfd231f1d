import { destinationRuleReader } from './destination-rule.ts';
import { endpointSliceReader } from './endpoint-slice.ts';
import { gatewayReader } from './gateway.ts';
import type { KindReader } from './kind.ts';
import { namespaceReader, serviceAccountReader } from './namespace.ts';
import { podReader } from './pod.ts';
import { authorizationPolicyReader, peerAuthenticationReader, requestAuthenticationReader } from './policies.ts';
import { secretReader } from './secret.ts';
import { serviceReader } from './service.ts';
import { serviceEntryReader } from './service-entry.ts';
import { sidecarReader } from './sidecar.ts';
import { virtualServiceReader } from './virtual-service.ts';
import { workloadEntryReader } from './workload-entry.ts';

/** Every kind that Coxswain reads. */
export const kindReaders: readonly KindReader[] = [
  namespaceReader,
  serviceAccountReader,
  serviceReader,
  podReader,
  workloadEntryReader,
  endpointSliceReader,
  peerAuthenticationReader,
  requestAuthenticationReader,
  authorizationPolicyReader,
  destinationRuleReader,
  virtualServiceReader,
  serviceEntryReader,
  sidecarReader,
  gatewayReader,
  secretReader,
];

const byKind = new Map(kindReaders.map((reader) => [`${reader.group}/${reader.kind}`, reader]));

/** The reader of a kind in an API group; '' is the core group. */
export function readerOf(group: string, kind: string): KindReader | undefined {
  return byKind.get(`${group}/${kind}`);
}

/** `group/version` of a reader, newest first. */
export function apiVersions(reader: KindReader): readonly string[] {
  return reader.versions.map((version) => (reader.group === '' ? version : `${reader.group}/${version}`));
}

/** Kinds that protect something, exist in the wild, and are not evaluated by this version: leaving them out must show. */
export const unsupportedPolicies: readonly string[] = [
  'authentication.istio.io/Policy',
  'authentication.istio.io/MeshPolicy',
  'rbac.istio.io/ServiceRole',
  'rbac.istio.io/ServiceRoleBinding',
  'rbac.istio.io/ClusterRbacConfig',
  'rbac.istio.io/RbacConfig',
];
