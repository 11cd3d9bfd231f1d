import type { TypeUrl } from '../model/ids.ts';
import { types } from '../model/type-urls.ts';
import type { InboundUnit } from './inbound-unit.ts';
import type { OutboundPart } from './outbound.ts';
import type { View } from './view.ts';

/**
 * The types whose layers are other objects than before, as far as a view gets them: a proxy that is told for nothing
 * costs work, one that isn't told keeps an old policy. A router has no inbound side, and listeners of gateways only.
 */
export function changedTypes(
  view: View,
  parts: ReadonlySet<OutboundPart>,
  before: InboundUnit,
  after: InboundUnit,
): ReadonlySet<TypeUrl> {
  const sidecar = view.kind === 'sidecar';
  const changed = new Set<TypeUrl>();
  if (parts.has('clusters') || (sidecar && after.clusters !== before.clusters)) changed.add(types.cluster);
  if (parts.has('secrets')) changed.add(types.secret);
  if (parts.has('endpoints')) changed.add(types.endpoint);
  if (sidecar && (parts.has('listeners') || after.listeners !== before.listeners)) changed.add(types.listener);
  if (parts.has('routes') || (parts.has('virtualHosts') && view.routes === 'inline')) changed.add(types.route);
  if (parts.has('virtualHosts') && view.routes === 'vhds') changed.add(types.virtualHost);
  if (sidecar && after.extensions !== before.extensions) changed.add(types.extension);
  return changed;
}
