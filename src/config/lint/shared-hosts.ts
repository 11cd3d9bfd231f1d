import type { Finding } from '../../model/finding.ts';
import type { Gateway, GatewayServer } from '../../model/gateway.ts';
import { type Host, narrower } from '../../model/host.ts';
import { matchesAll } from '../../model/http-match.ts';
import { ipBlockText } from '../../model/ip-block.ts';
import {
  type ConnectionMatch,
  type ConnectionRoute,
  meshGateway,
  type VirtualService,
} from '../../model/virtual-service.ts';
import { gatewayName, type PlacedServer, placeOf, routerSharing, serversNear } from './gateway.ts';
import { hostsFor, routesOf } from './virtual-service.ts';
import { lintFinding, type World } from './world.ts';

/** Something of a gateway that a VirtualService wants: two that want the same share it, or the older gets it. */
interface Claim {
  /** Equal for all that want the same. */
  readonly key: string;
  readonly service: VirtualService;
  readonly placed: PlacedServer;
  readonly field: string;
  /** Host of HTTP routes, whose VirtualServices are merged; undefined for connections, which only one gets. */
  readonly host: Host | undefined;
}

/** What several VirtualServices want of gateways: they hold together, the oldest first (behaviour.md 5.7). */
export function lintSharedHosts(world: World): readonly Finding[] {
  const shares = routerSharing(world);
  const gateways = new Map(world.gateways.map((gateway) => [gatewayName(gateway), gateway]));
  const older = new Map<string, Claim[]>();
  const found = new Map<string, Finding>();
  for (const claim of world.virtualServices.flatMap((service) => claimsOf(service, gateways))) {
    const here = older.get(claim.key) ?? [];
    older.set(claim.key, here);
    const first = here.find(
      ({ service, placed }) => service !== claim.service && shares(placed.gateway, claim.placed.gateway),
    );
    here.push(claim);
    if (first === undefined) continue;
    const finding = shared(claim, first.service);
    found.set(`${finding.object} ${finding.field} ${finding.message}`, finding);
  }
  return [...found.values()];
}

function claimsOf(service: VirtualService, gateways: ReadonlyMap<string, Gateway>): readonly Claim[] {
  const names = service.gateways.filter((name) => name !== meshGateway);
  return names.flatMap((name) => {
    const gateway = gateways.get(name);
    if (gateway === undefined) return [];
    return serversNear(gateway, service.hosts).flatMap((server) => {
      const placed = { gateway, server };
      const own = hostsFor(server, service.meta.namespace);
      const common = (hosts: readonly Host[]): readonly Host[] => [
        ...new Set(hosts.flatMap((host) => own.flatMap((each) => narrower(host, each) ?? []))),
      ];
      if (common(service.hosts).length === 0) return [];
      // Servers of plaintext HTTP share what is served on their port.
      const where = server.protocol === 'HTTP' ? 'HTTP' : `${gatewayName(gateway)} ${server.index}`;
      const claim = (what: string, field: string, host?: Host): Claim => {
        return { key: `${where} ${placeOf(server)} ${what}`, service, placed, field, host };
      };
      const kind = routesOf(server);
      if (kind !== 'http')
        return service[kind].flatMap((route, index) =>
          connectionsOf(route, server, name, common).map((what) => claim(what, `spec.${kind}[${index}]`)),
        );
      if (service.http.length === 0) return [];
      return service.hosts.flatMap((host, index) =>
        common([host]).map((domain) => claim(domain, `spec.hosts[${index}]`, domain)),
      );
    });
  });
}

/** What a TLS or TCP route takes of a server's connections. */
function connectionsOf(
  { matches }: ConnectionRoute,
  { port }: GatewayServer,
  gateway: string,
  common: (hosts: readonly Host[]) => readonly Host[],
): readonly string[] {
  if (matches.length === 0) return [' '];
  const holds = (match: ConnectionMatch): boolean =>
    (match.port === undefined || match.port === port) &&
    (match.gateways.length === 0 || match.gateways.includes(gateway)) &&
    match.destinationSubnets.length === 0;
  return matches.filter(holds).flatMap(({ sniHosts, sourceSubnets }) => {
    const names = sniHosts.length === 0 ? [''] : common(sniHosts);
    const sources = sourceSubnets.length === 0 ? [''] : sourceSubnets.map(ipBlockText);
    return names.flatMap((name) => sources.map((source) => `${name} ${source}`));
  });
}

function shared({ service, placed, field, host }: Claim, { meta, http }: VirtualService): Finding {
  const who = `VirtualService ${meta.namespace}/${meta.name}`;
  const where = `on port ${placed.server.port} of Gateway ${gatewayName(placed.gateway)}`;
  const hint = 'put the routes into one object, or into delegates, if their order matters';
  const code = 'virtual-services-merged';
  if (host === undefined) {
    const message = `connections of this route ${where} are already those of ${who}, which is older: it gets them`;
    return lintFinding('warning', code, service, field, message, hint);
  }
  const hidden = takesAll(http) && takesAll(service.http);
  const lost = hidden ? ', and what matches everything here is never reached' : '';
  const message = `host ${host} ${where} is also ${who}'s, which is older: its routes come first${lost}`;
  return lintFinding(hidden ? 'warning' : 'info', code, service, field, message, hint);
}

function takesAll(routes: VirtualService['http']): boolean {
  return routes.some(({ matches }) => matches.length === 0 || matches.some(({ request }) => matchesAll(request)));
}
