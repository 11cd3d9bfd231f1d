import { type TrustDomain, trustDomain } from './ids.ts';
import type { LabelSelector } from './label-selector.ts';

/** Mesh-wide settings; field names as in Istio's MeshConfig where one exists (product.md). */
export interface Mesh {
  readonly trustDomain: TrustDomain;
  readonly trustDomainAliases: readonly TrustDomain[];
  readonly rootNamespace: string;
  readonly dnsDomain: string;
  readonly enableAutoMtls: boolean;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** Namespaces that belong to the mesh: those whose labels any of these selects; all, where there is none (behaviour.md 7.7). */
  readonly discoverySelectors: readonly LabelSelector[];
}

export const defaultMesh: Mesh = {
  trustDomain: trustDomain('cluster.local'),
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  dnsDomain: 'cluster.local',
  enableAutoMtls: true,
  outboundTrafficPolicy: 'ALLOW_ANY',
  discoverySelectors: [],
};
