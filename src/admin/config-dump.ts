import type { Layer, Resource } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';

/** Turns one encoded resource into ProtoJSON with snake_case names; injected, because `admin` knows no protobuf. */
export type ResourceToJson = (resource: Resource) => object;

const v3 = 'type.googleapis.com/envoy.admin.v3.';

/**
 * What we would send, in the shape of Envoy's own `/config_dump` (envoy.admin.v3.ConfigDump), so that every tool that
 * reads the one reads the other, and the two can be compared line by line.
 */
export function configDump(
  layers: (type: (typeof types)[keyof typeof types]) => readonly Layer[],
  toJson: ResourceToJson,
): { readonly configs: readonly object[] } {
  const all = (
    type: (typeof types)[keyof typeof types],
  ): readonly { readonly resource: Resource; readonly json: object }[] =>
    layers(type)
      .flatMap((layer) => [...layer.resources.values()])
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((resource) => ({ resource, json: { '@type': type, ...toJson(resource) } }));
  return {
    configs: [
      {
        '@type': `${v3}ClustersConfigDump`,
        dynamic_active_clusters: all(types.cluster).map(({ resource, json }) => ({
          version_info: resource.version,
          cluster: json,
        })),
      },
      {
        '@type': `${v3}EndpointsConfigDump`,
        dynamic_endpoint_configs: all(types.endpoint).map(({ resource, json }) => ({
          version_info: resource.version,
          endpoint_config: json,
        })),
      },
      {
        '@type': `${v3}ListenersConfigDump`,
        dynamic_listeners: all(types.listener).map(({ resource, json }) => ({
          name: resource.name,
          active_state: { version_info: resource.version, listener: json },
        })),
      },
      {
        '@type': `${v3}RoutesConfigDump`,
        dynamic_route_configs: all(types.route).map(({ resource, json }) => ({
          version_info: resource.version,
          route_config: json,
        })),
      },
      {
        '@type': `${v3}EcdsConfigDump`,
        ecds_filters: all(types.extension).map(({ resource, json }) => ({
          version_info: resource.version,
          ecds_filter: json,
        })),
      },
      {
        '@type': `${v3}SecretsConfigDump`,
        dynamic_active_secrets: all(types.secret).map(({ resource, json }) => ({
          name: resource.name,
          version_info: resource.version,
          secret: json,
        })),
      },
      // Envoy has no dump of virtual hosts apart from their routes; ours shows them as what they are.
      {
        '@type': 'coxswain.VirtualHostsConfigDump',
        dynamic_virtual_hosts: all(types.virtualHost).map(({ resource, json }) => ({
          name: resource.name,
          version_info: resource.version,
          virtual_host: json,
        })),
      },
    ],
  };
}
