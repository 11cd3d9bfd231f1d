import { type IpBlock, inBlocks } from '../model/ip-block.ts';
import type { PortClaim, SharedListener } from './envoy/shared-listener.ts';

/** An address and a port of it that speaks HTTP. */
export interface HttpPlace {
  readonly address: string;
  readonly port: number;
}

/** What a service has to do with ports that are shared. */
interface PortParts {
  readonly claims: readonly PortClaim[];
  readonly httpAt: readonly HttpPlace[];
}

/** What services, in their precedence, claim of each port that has no address; of a port that is HTTP alone, nothing. */
export function sharedPorts(
  units: readonly PortParts[],
  httpPorts: readonly number[],
): readonly Pick<SharedListener, 'port' | 'http' | 'claims' | 'httpAt'>[] {
  const claims = Map.groupBy(
    units.flatMap((unit) => unit.claims),
    ({ port }) => port,
  );
  const http = new Set(httpPorts);
  const places = hasBlocks(units) ? units.flatMap(({ httpAt }) => httpAt) : [];
  return [...new Set([...http, ...claims.keys()])].map((port) => {
    const own = claims.get(port) ?? [];
    const httpAt = addressesIn(
      blocksOf(own),
      places.filter((place) => place.port === port),
    );
    return { port, http: http.has(port), claims: own, httpAt };
  });
}

/** Does anybody claim a block of addresses? Then listeners depend on where HTTP is. */
export function hasBlocks(units: Iterable<Pick<PortParts, 'claims'>>): boolean {
  for (const { claims } of units) if (blocksOf(claims).length > 0) return true;
  return false;
}

export function samePlaces(a: readonly HttpPlace[] = [], b: readonly HttpPlace[] = []): boolean {
  return (
    a.length === b.length && a.every(({ address, port }, at) => address === b[at]?.address && port === b[at]?.port)
  );
}

const blocksOf = (claims: readonly PortClaim[]): readonly IpBlock[] =>
  claims.flatMap(({ match }) => (match.kind === 'block' ? match.block : []));

function addressesIn(blocks: readonly IpBlock[], places: readonly HttpPlace[]): readonly string[] {
  return blocks.length === 0 ? [] : [...new Set(places.map(({ address }) => address))].filter(inBlocks(blocks));
}
