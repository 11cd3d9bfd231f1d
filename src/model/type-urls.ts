import { type TypeUrl, typeUrl } from './ids.ts';

/** The resource types that we serve, by the short names that people use for them. */
export const types = {
  cluster: typeUrl('type.googleapis.com/envoy.config.cluster.v3.Cluster'),
  endpoint: typeUrl('type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'),
  listener: typeUrl('type.googleapis.com/envoy.config.listener.v3.Listener'),
  route: typeUrl('type.googleapis.com/envoy.config.route.v3.RouteConfiguration'),
  virtualHost: typeUrl('type.googleapis.com/envoy.config.route.v3.VirtualHost'),
  extension: typeUrl('type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig'),
  secret: typeUrl('type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'),
} as const;

export type ResourceTypeName = keyof typeof types;

/**
 * The order in which a change is sent (make before break): what is named comes before or right after what names it, so
 * that no listener or cluster warms for long. Secrets go out with the clusters and listeners that name them.
 */
export const pushOrder: readonly TypeUrl[] = [
  types.secret,
  types.cluster,
  types.endpoint,
  types.listener,
  types.extension,
  types.route,
  types.virtualHost,
];

/** What columns and logs call a type: CDS, EDS, LDS, RDS, VHDS, ECDS, SDS. */
export const shortTypeNames: Readonly<Record<TypeUrl, string>> = {
  [types.cluster]: 'CDS',
  [types.endpoint]: 'EDS',
  [types.listener]: 'LDS',
  [types.route]: 'RDS',
  [types.virtualHost]: 'VHDS',
  [types.extension]: 'ECDS',
  [types.secret]: 'SDS',
};
