import type { TypeUrl } from '../model/ids.ts';
import type { Resource } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import { findResource, type Layers } from './layers.ts';
import type { NameSet, NameSets } from './name-set.ts';

/** What a client wants of one type: everything (`*`), and names (xDS protocol, "How the client specifies what resources to return"). */
export interface Subscription {
  readonly wildcard: boolean;
  readonly names: NameSet;
}

/**
 * Types whose first request means "everything" when it has no names: LDS and CDS by the protocol (legacy wildcard), and virtual
 * hosts because Envoy never names the route configurations that it wants them for.
 */
export function hasLegacyWildcard(type: TypeUrl): boolean {
  return type === types.cluster || type === types.listener || type === types.virtualHost;
}

/** Takes `*` out of a list of names. */
export function splitWildcard(names: NameSet, sets: NameSets): Subscription {
  return names.names.has('*') ? { wildcard: true, names: sets.change(names, [], ['*']) } : { wildcard: false, names };
}

/**
 * Whether a subscription covers a resource. A virtual host belongs to the route configuration before its last slash, and Envoy
 * subscribes to that one (VHDS: `<route configuration>/<virtual host>`).
 */
export function covers(subscription: Subscription, type: TypeUrl, name: string): boolean {
  return subscription.wildcard || coversByName(subscription.names.names, type, name);
}

export function coversByName(names: ReadonlySet<string>, type: TypeUrl, name: string): boolean {
  if (names.has(name)) {
    return true;
  }
  if (type !== types.virtualHost) {
    return false;
  }
  for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
    if (names.has(name.slice(0, slash))) {
      return true;
    }
  }
  return false;
}

/** The part of some names that a subscription covers. */
export function covered(subscription: Subscription, type: TypeUrl, names: NameSet, sets: NameSets): NameSet {
  const rest = [...names.names].filter((name) => !covers(subscription, type, name));
  return rest.length === 0 ? names : sets.change(names, [], rest);
}

/** The resources that a list of subscribed names stands for, and the names that stand for none. */
export function resolve(
  names: NameSet,
  type: TypeUrl,
  layers: Layers,
): { readonly found: readonly Resource[]; readonly missing: readonly string[] } {
  const found: Resource[] = [];
  const missing = new Set(names.names);
  if (type === types.virtualHost) {
    for (const layer of layers) {
      for (const resource of layer.resources.values()) {
        if (coversByName(names.names, type, resource.name)) {
          found.push(resource);
          deletePrefixes(missing, resource.name);
        }
      }
    }
    return { found, missing: [...missing] };
  }
  for (const name of names.names) {
    const resource = findResource(layers, name);
    if (resource !== undefined) {
      found.push(resource);
      missing.delete(name);
    }
  }
  return { found, missing: [...missing] };
}

function deletePrefixes(names: Set<string>, name: string): void {
  names.delete(name);
  for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
    names.delete(name.slice(0, slash));
  }
}
