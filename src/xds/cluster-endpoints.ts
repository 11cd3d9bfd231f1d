import { decode, envoy } from '@envoyproxy/protos';
import type { Resource } from '../model/resource.ts';
import type { Content } from './layers.ts';

const byResource = new WeakMap<Resource, string>();
const byContent = new WeakMap<Content, readonly string[]>();

/** Names under which the clusters of a response ask for their endpoints (EDS service names). */
export function endpointNames(content: Content): readonly string[] {
  let names = byContent.get(content);
  if (names === undefined) {
    names = content.resources.map(endpointName).filter((name) => name !== '');
    byContent.set(content, names);
  }
  return names;
}

/** '' for a cluster that has no EDS. */
function endpointName(resource: Resource): string {
  let name = byResource.get(resource);
  if (name === undefined) {
    const cluster = decode('envoy.config.cluster.v3.Cluster', resource.body);
    const eds = cluster.type === envoy.config.cluster.v3.Cluster.DiscoveryType.EDS;
    name = eds ? cluster.edsClusterConfig?.serviceName || resource.name : '';
    byResource.set(resource, name);
  }
  return name;
}
