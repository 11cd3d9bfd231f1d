import type { ExtensionProvider } from './extension-provider.ts';
import { directTopology, type GatewayTopology } from './gateway-topology.ts';
import { type TrustDomain, trustDomain } from './ids.ts';
import type { LabelSelector } from './label-selector.ts';

/**
 * What is done to a path before policies see it and the application gets it (behaviour.md 3.5). `BASE`: dot segments and
 * backslashes; `MERGE_SLASHES`: doubled slashes, too; `DECODE_AND_MERGE_SLASHES`: also `%2F` and `%5C`.
 */
export type PathNormalization = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

/** The sidecars' own access log. */
export interface AccessLogSettings {
  /** `/dev/stdout`, or another file of the sidecar's; '' for none. */
  readonly file: string;
  readonly encoding: 'TEXT' | 'JSON';
  /** '' for the built-in format. With JSON: an object of format strings, as text. */
  readonly format: string;
}

/** Mesh-wide settings; field names as in Istio's MeshConfig where one exists (product.md). */
export interface Mesh {
  readonly trustDomain: TrustDomain;
  readonly trustDomainAliases: readonly TrustDomain[];
  readonly rootNamespace: string;
  readonly dnsDomain: string;
  readonly enableAutoMtls: boolean;
  /** What workloads take for which no PeerAuthentication says anything. DISABLE: the profile of the 1.1 documents. */
  readonly mtlsWithoutPolicy: 'PERMISSIVE' | 'DISABLE';
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** Namespaces that belong to the mesh: those whose labels any of these selects; all, where there is none (behaviour.md 7.7). */
  readonly discoverySelectors: readonly LabelSelector[];
  readonly pathNormalization: PathNormalization;
  /** External authorizers, each name once. */
  readonly extensionProviders: readonly ExtensionProvider[];
  readonly accessLog: AccessLogSettings;
  /** The body of a 403 also names the policy that denied: for meshes whose callers may know. */
  readonly explainDenials: boolean;
  /** What stands in front of the gateways of the mesh. */
  readonly gatewayTopology: GatewayTopology;
}

export const defaultMesh: Mesh = {
  trustDomain: trustDomain('cluster.local'),
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  dnsDomain: 'cluster.local',
  enableAutoMtls: true,
  mtlsWithoutPolicy: 'PERMISSIVE',
  outboundTrafficPolicy: 'ALLOW_ANY',
  discoverySelectors: [],
  pathNormalization: 'BASE',
  extensionProviders: [],
  accessLog: { file: '', encoding: 'TEXT', format: '' },
  explainDenials: false,
  gatewayTopology: directTopology,
};
