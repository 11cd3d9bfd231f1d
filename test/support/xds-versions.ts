import type { TypeUrl } from '../../src/model/ids.ts';
import type { InitialVersions } from '../../src/xds/initial-versions.ts';
import { findResource, type Layers } from '../../src/xds/layers.ts';
import { covers, resolve, type Subscription } from '../../src/xds/subscription.ts';

/** `initial_resource_versions` as a plain map, compared naively: what the scanner of bytes must agree with. */
export function versionsOf(held: ReadonlyMap<string, string>): InitialVersions {
  return {
    count: held.size,
    names: () => [...held.keys()],
    compare: (layers, subscription, type) => compare(held, layers, subscription, type),
  };
}

function compare(held: ReadonlyMap<string, string>, layers: Layers, subscription: Subscription, type: TypeUrl) {
  const current = layers.flatMap((layer) => [...layer.resources.keys()]);
  const missing = resolve(subscription.names, type, layers).missing;
  const names = new Set([...held.keys(), ...current]);
  const different = new Map<string, string | undefined>();
  for (const name of names) {
    if (covers(subscription, type, name) && findResource(layers, name)?.version !== held.get(name)) {
      different.set(name, held.get(name) ?? '');
    }
  }
  for (const name of missing.filter((each) => !different.has(each))) {
    different.set(name, undefined);
  }
  return different;
}
