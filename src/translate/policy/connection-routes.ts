import { type Host, narrower } from '../../model/host.ts';
import type { WeightedDestination } from '../../model/http-route.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import { anyAudience, type ConnectionMatch } from '../../model/virtual-service.ts';
import { isFor, type RouteAsker } from './virtual-service.ts';
import type { RoutedService } from './virtual-services.ts';

/** Connections alike: what one filter chain is found by. Undefined: any. */
export interface ConnectionKey {
  /** Name that the client sends. */
  readonly sniHost: Host | undefined;
  readonly destinationSubnet: IpBlock | undefined;
  readonly sourceSubnet: IpBlock | undefined;
}

/** Where connections alike go. */
export interface EffectiveConnectionRoute extends ConnectionKey {
  readonly destinations: readonly WeightedDestination[];
  /** `<name>.<namespace>` of the VirtualService in which it stands: what tools show. */
  readonly virtualService: string;
}

const everything: ConnectionMatch = { ...anyAudience, sniHosts: [], destinationSubnets: [], sourceSubnets: [] };

/**
 * The TLS or TCP routes of VirtualServices, the oldest first, for whoever asks (behaviour.md 5.7). Envoy chooses a filter chain by what says
 * most, not in order, and takes no two for the same connections, so each stands here once: the first. `within`: the hosts that a
 * gateway's server takes of VirtualServices of a namespace, to which names are narrowed.
 */
export function connectionRoutes(
  kind: 'tls' | 'tcp',
  services: readonly RoutedService[],
  asker: RouteAsker,
  within: (namespace: string) => readonly Host[] = () => ['*'],
): readonly EffectiveConnectionRoute[] {
  const found = new Map<string, EffectiveConnectionRoute>();
  for (const { service } of services) {
    const virtualService = `${service.meta.name}.${service.meta.namespace}`;
    for (const { matches, destinations } of service[kind]) {
      const mine = (matches.length === 0 ? [everything] : matches).filter((match) => isFor(match, asker));
      const hosts = within(service.meta.namespace);
      for (const key of mine.flatMap((match) => keysOf(match, hosts))) {
        const text = JSON.stringify(key);
        if (!found.has(text)) found.set(text, { ...key, destinations, virtualService });
      }
    }
  }
  return [...found.values()];
}

/** One for each combination, so that two lists that overlap leave no two chains alike. */
function keysOf(match: ConnectionMatch, within: readonly Host[]): readonly ConnectionKey[] {
  const names = match.sniHosts.flatMap((host) => within.flatMap((own) => narrower(host, own) ?? []));
  if (match.sniHosts.length > 0 && names.length === 0) return [];
  return orAny(names.map((name) => (name === '*' ? undefined : name))).flatMap((sniHost) =>
    subnets(match.destinationSubnets).flatMap((destinationSubnet) =>
      subnets(match.sourceSubnets).map((sourceSubnet) => ({ sniHost, destinationSubnet, sourceSubnet })),
    ),
  );
}

function subnets(blocks: readonly IpBlock[]): readonly (IpBlock | undefined)[] {
  return orAny(blocks.map((block) => (block.prefixLength === 0 ? undefined : block)));
}

function orAny<T>(values: readonly (T | undefined)[]): readonly (T | undefined)[] {
  return values.length === 0 ? [undefined] : values;
}
