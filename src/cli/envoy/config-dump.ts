import { at, list, text } from './json.ts';

/** One part of an Envoy `/config_dump`, by the last word of its type: `ListenersConfigDump`. */
export function section(dump: unknown, name: string): unknown {
  return list(dump, 'configs').find((config) => text(config, '@type').endsWith(`.${name}`)) ?? {};
}

/** Listeners: dynamic ones as they are active (or still warming), then static ones. */
export function listenersOf(dump: unknown): readonly unknown[] {
  const listeners = section(dump, 'ListenersConfigDump');
  return [
    ...list(listeners, 'dynamic_listeners').map(
      (each) => at(each, 'active_state', 'listener') ?? at(each, 'warming_state', 'listener'),
    ),
    ...list(listeners, 'static_listeners').map((each) => at(each, 'listener')),
  ].filter((listener) => listener !== undefined);
}

export function clustersOf(dump: unknown): readonly unknown[] {
  const clusters = section(dump, 'ClustersConfigDump');
  return ['dynamic_active_clusters', 'dynamic_warming_clusters', 'static_clusters'].flatMap((field) =>
    list(clusters, field).map((each) => at(each, 'cluster')),
  );
}

export function routesOf(dump: unknown): readonly unknown[] {
  const routes = section(dump, 'RoutesConfigDump');
  return ['dynamic_route_configs', 'static_route_configs'].flatMap((field) =>
    list(routes, field).map((each) => at(each, 'route_config')),
  );
}

/** Endpoints, in a dump that was asked for them (`?include_eds`). */
export function endpointsOf(dump: unknown): readonly unknown[] {
  const endpoints = section(dump, 'EndpointsConfigDump');
  return ['dynamic_endpoint_configs', 'static_endpoint_configs'].flatMap((field) =>
    list(endpoints, field).map((each) => at(each, 'endpoint_config')),
  );
}

export function extensionsOf(dump: unknown): readonly unknown[] {
  return list(section(dump, 'EcdsConfigDump'), 'ecds_filters').map((each) => at(each, 'ecds_filter'));
}

/** Where an Istio object is named in a resource's metadata, `<name>.<namespace>`; '' without one (behaviour.md 8.2). */
export function objectInMetadata(resource: unknown, kind: string): string {
  const path = text(resource, 'metadata', 'filter_metadata', 'istio', 'config');
  const match = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path);
  return match !== null && match[2] === kind ? `${match[3]}.${match[1]}` : '';
}
