import { meshGateway, type RouteAudience } from '../../model/virtual-service.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import { type VirtualServices, virtualServicesOf } from './virtual-services.ts';

const ofGateways = new WeakMap<Snapshot['gateways'], ReadonlySet<string>>();
const ofRoutes = new WeakMap<VirtualServices, ReadonlySet<string>>();

/**
 * The label keys by which a mesh tells routers apart: Gateways choose them in any namespace, and routes may be for clients with certain
 * labels (behaviour.md 5.2, 5.7). Found once for each state of either.
 */
export function edgeLabels(snapshot: Snapshot): ReadonlySet<string> {
  return new Set([...selectorKeys(snapshot.gateways), ...routeKeys(virtualServicesOf(snapshot))]);
}

function selectorKeys(gateways: Snapshot['gateways']): ReadonlySet<string> {
  const found = ofGateways.get(gateways);
  if (found !== undefined) return found;
  const keys = new Set([...all(gateways)].flatMap(({ selector }) => Object.keys(selector.matchLabels)));
  ofGateways.set(gateways, keys);
  return keys;
}

function routeKeys(services: VirtualServices): ReadonlySet<string> {
  const found = ofRoutes.get(services);
  if (found !== undefined) return found;
  const keys = new Set<string>();
  for (const { service, http } of services) {
    if (service.gateways.every((each) => each === meshGateway)) continue;
    const matches = [...http, ...service.tls, ...service.tcp].flatMap((each): readonly RouteAudience[] => each.matches);
    for (const { gateways, sourceLabels } of matches)
      if (gateways.length === 0) for (const key of Object.keys(sourceLabels)) keys.add(key);
  }
  ofRoutes.set(services, keys);
  return keys;
}
