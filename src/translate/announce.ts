import type { TypeUrl } from '../model/ids.ts';
import { types } from '../model/type-urls.ts';
import type { ProxyUnit } from './inbound-unit.ts';
import type { OutboundPart } from './outbound-parts.ts';
import type { View } from './view.ts';

/**
 * The types whose layers are other objects than before, as far as a view gets them: a proxy that is told for nothing
 * costs work, one that isn't told keeps an old policy. Of the outbound side a router has the clusters, and what those name.
 */
export function changedTypes(
  view: View,
  parts: ReadonlySet<OutboundPart>,
  before: ProxyUnit,
  after: ProxyUnit,
): ReadonlySet<TypeUrl> {
  const sidecar = view.kind === 'sidecar';
  const changed = new Set<TypeUrl>();
  if (parts.has('clusters') || after.clusters !== before.clusters || after.withheld !== before.withheld)
    changed.add(types.cluster);
  if (parts.has('secrets') || after.credentials !== before.credentials) changed.add(types.secret);
  if (parts.has('endpoints')) changed.add(types.endpoint);
  if (after.listeners !== before.listeners || (sidecar && parts.has('listeners'))) changed.add(types.listener);
  if (after.routes !== before.routes) changed.add(types.route);
  if (after.extensions !== before.extensions) changed.add(types.extension);
  if (!sidecar) return changed;
  if (parts.has('routes') || (parts.has('virtualHosts') && view.routes === 'inline')) changed.add(types.route);
  if (parts.has('virtualHosts') && view.routes === 'vhds') changed.add(types.virtualHost);
  return changed;
}
