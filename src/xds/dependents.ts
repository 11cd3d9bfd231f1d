import { decode, envoy } from '@envoyproxy/protos';
import type { TypeUrl } from '../model/ids.ts';
import type { Resource } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import { type Content, diffLayers, type Layers, transitions } from './layers.ts';
import type { InFlight, TypeState } from './state.ts';
import { coversByName } from './subscription.ts';

/** Type whose resources Envoy needs afresh when one of this type changes, even if they stayed the same. */
export function dependentType(type: TypeUrl): TypeUrl | undefined {
  return type === types.cluster ? types.endpoint : type === types.route ? types.virtualHost : undefined;
}

/**
 * Names of the dependent type that a response makes Envoy wait for. A cluster that changed warms up, and takes no update nor
 * lets the CDS response be acknowledged, until its endpoints come. Virtual hosts are asked for once, by a wildcard, and what came before
 * its route configuration was dropped.
 */
export function dependents(
  { payload, target }: InFlight,
  before: TypeState | undefined,
  of: Layers,
): readonly string[] {
  const content = changedContent(payload.content, target.layers, before);
  if (payload.type === types.cluster) {
    return endpointNames(content);
  }
  const routes = new Set(content.resources.map(({ name }) => name));
  return of.flatMap(({ resources }) =>
    [...resources.keys()].filter((name) => coversByName(routes, types.virtualHost, name)),
  );
}

/** A state-of-the-world response repeats what stayed the same, and Envoy sees that it did. */
function changedContent(content: Content, target: Layers, before: TypeState | undefined): Content {
  const held = before?.mode === 'sotw' && before.held.exceptions.size === 0 ? before.held.layers : [];
  return held.length === 0 ? content : diffLayers(held, target, transitions(held, target));
}

const byResource = new WeakMap<Resource, string>();
const byContent = new WeakMap<Content, readonly string[]>();

function endpointNames(content: Content): readonly string[] {
  let names = byContent.get(content);
  if (names === undefined) {
    names = content.resources.map(endpointName).filter((name) => name !== '');
    byContent.set(content, names);
  }
  return names;
}

/** EDS service name of a cluster; '' where it has no EDS. */
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
