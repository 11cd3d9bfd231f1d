import type { Resource } from '../model/resource.ts';
import type { ServiceUnit } from './service-unit.ts';

/** The parts of the outbound side that can change one without the other. */
export const outboundParts = [
  'clusters',
  'endpoints',
  'secrets',
  'credentials',
  'listeners',
  'routes',
  'virtualHosts',
] as const;
/** Those that are one layer for all clients of a side. */
export const layerParts = ['clusters', 'endpoints', 'secrets', 'listeners', 'routes'] as const;
/** Says which layers may be other objects than before. */
export type OutboundPart = (typeof outboundParts)[number];

/** The parts of which two states of a service give other resources; undefined: it isn't there. */
export function changedParts(before: ServiceUnit | undefined, after: ServiceUnit | undefined): Set<OutboundPart> {
  const changed = new Set<OutboundPart>(layerParts.filter((part) => !sameResources(before?.[part], after?.[part])));
  if (!sameHosts(before, after)) changed.add('virtualHosts');
  if (credentialsText(before) !== credentialsText(after)) changed.add('credentials');
  if (JSON.stringify(before?.claims ?? []) !== JSON.stringify(after?.claims ?? [])) changed.add('listeners');
  return changed;
}

/** Equal for units whose clusters name the same Secrets in the same way. */
function credentialsText(unit: ServiceUnit | undefined): string {
  const { credentials = [] } = unit ?? {};
  return JSON.stringify(credentials.map(({ sources, withheld }) => [sources, withheld.name, withheld.version]));
}

function sameHosts(a: ServiceUnit | undefined, b: ServiceUnit | undefined): boolean {
  if (a === b) return true;
  const namespaces = new Set([...(a?.hostsFrom.keys() ?? []), ...(b?.hostsFrom.keys() ?? [])]);
  return (
    sameResources(a?.hosts.virtualHosts, b?.hosts.virtualHosts) &&
    [...namespaces].every((each) =>
      sameResources(a?.hostsFrom.get(each)?.virtualHosts, b?.hostsFrom.get(each)?.virtualHosts),
    )
  );
}

function sameResources(a: readonly Resource[] | undefined, b: readonly Resource[] | undefined): boolean {
  if (a === b) return true;
  const left = a ?? [];
  const right = b ?? [];
  return (
    left.length === right.length &&
    left.every((each, index) => each.name === right[index]?.name && each.version === right[index]?.version)
  );
}
