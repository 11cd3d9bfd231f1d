import type { Finding } from '../../model/finding.ts';
import type { Gateway, GatewayServer } from '../../model/gateway.ts';
import type { Host } from '../../model/host.ts';
import { selectsAll } from '../../model/selector.ts';
import { lintFinding, type World } from './world.ts';

/** A server and the Gateway in which it stands. */
export interface PlacedServer {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
}

/** Gateways that open nothing, or of whose servers two want the same (behaviour.md 5.2). */
export function lintGateways(world: World): readonly Finding[] {
  return [...world.gateways.flatMap((gateway) => selection(world, gateway)), ...clashes(world)];
}

/** `namespace/name`, as VirtualServices name it. */
export const gatewayName = ({ meta }: Gateway): string => `${meta.namespace}/${meta.name}`;

const finders = new WeakMap<Gateway, (hosts: readonly Host[]) => readonly GatewayServer[]>();

/** The servers of a Gateway that may take one of these hosts, found without a look at each: a Gateway may have a thousand. */
export function serversNear(gateway: Gateway, hosts: readonly Host[]): readonly GatewayServer[] {
  const finder = finders.get(gateway) ?? serverFinder(gateway);
  finders.set(gateway, finder);
  return finder(hosts);
}

function serverFinder({ servers }: Gateway): (hosts: readonly Host[]) => readonly GatewayServer[] {
  const isWild = (host: Host): boolean => host.startsWith('*');
  const wild = servers.filter(({ hosts }) => hosts.some(({ host }) => isWild(host)));
  const byHost = new Map<Host, GatewayServer[]>();
  for (const server of servers) {
    for (const { host } of server.hosts) {
      const known = byHost.get(host);
      if (known === undefined) byHost.set(host, [server]);
      else known.push(server);
    }
  }
  return (hosts) =>
    hosts.some(isWild) ? servers : [...new Set([...hosts.flatMap((host) => byHost.get(host) ?? []), ...wild])];
}

/** Address and port on which a server is, the same for all that meet there. */
export const placeOf = ({ bind, port }: GatewayServer): string => `${bind === '0.0.0.0' ? '' : bind} ${port}`;

/**
 * May two Gateways open ports of one router? Of workloads that are known; where neither chooses one, by the labels alone. The answers are
 * kept, since every pair of servers asks.
 */
export function routerSharing(world: World): (a: Gateway, b: Gateway) => boolean {
  const known = new Map<string, boolean>();
  return (a, b) => {
    if (a === b) return true;
    const key = `${gatewayName(a)} ${gatewayName(b)}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const [ofA, ofB] = [world.withLabels(a.selector), new Set(world.withLabels(b.selector))];
    const found = ofA.length + ofB.size > 0 ? ofA.some((each) => ofB.has(each)) : within(a, b) || within(b, a);
    known.set(key, found);
    return found;
  };
}

function within(a: Gateway, b: Gateway): boolean {
  return Object.entries(a.selector.matchLabels).every(([key, value]) => b.selector.matchLabels[key] === value);
}

function selection(world: World, gateway: Gateway): readonly Finding[] {
  if (world.workloads.length === 0 || selectsAll(gateway.selector) || world.withLabels(gateway.selector).length > 0)
    return [];
  const message = 'no workload in the mesh has these labels: no gateway opens these ports';
  const hint = 'compare the selector with the labels of the gateway pods';
  return [lintFinding('warning', 'selects-nothing', gateway, 'spec.selector', message, hint)];
}

/** The servers of one place: one for each Gateway and kind, and all by host. */
class Place {
  readonly #kinds = new Map<string, PlacedServer>();
  readonly #hosts = new Map<Host, PlacedServer[]>();

  /** Those that a server may clash with, without a look at each. */
  near({ hosts }: GatewayServer): readonly PlacedServer[] {
    return [...this.#kinds.values(), ...hosts.flatMap(({ host }) => this.#hosts.get(host) ?? [])];
  }

  add(placed: PlacedServer): void {
    const kind = `${gatewayName(placed.gateway)} ${kindOf(placed.server)}`;
    if (!this.#kinds.has(kind)) this.#kinds.set(kind, placed);
    for (const { host } of placed.server.hosts) this.#hosts.set(host, [...(this.#hosts.get(host) ?? []), placed]);
  }
}

function clashes(world: World): readonly Finding[] {
  const share = routerSharing(world);
  const places = new Map<string, Place>();
  const found: Finding[] = [];
  for (const gateway of world.gateways) {
    for (const server of gateway.servers) {
      const place = places.get(placeOf(server)) ?? new Place();
      places.set(placeOf(server), place);
      const here = { gateway, server };
      const clash = place
        .near(server)
        .filter((each) => share(each.gateway, gateway))
        .flatMap((each) => clashOf(each, here) ?? [])
        .at(0);
      if (clash !== undefined) found.push(clash);
      if (clash?.code !== 'gateway-conflict') place.add(here);
    }
  }
  return found;
}

const kindOf = ({ protocol }: GatewayServer): 'plaintext HTTP' | 'TLS' | 'TCP' =>
  protocol === 'HTTP' ? 'plaintext HTTP' : protocol === 'TCP' ? 'TCP' : 'TLS';

/** What the younger of two servers loses by the older. */
function clashOf(older: PlacedServer, { gateway, server }: PlacedServer): Finding | undefined {
  const who = `Gateway ${gatewayName(older.gateway)}`;
  const [kind, other] = [kindOf(server), kindOf(older.server)];
  const conflict = (field: string, message: string): Finding =>
    lintFinding(
      'warning',
      'gateway-conflict',
      gateway,
      `spec.servers[${server.index}].${field}`,
      `${message}: on gateways that both choose, this server is left out`,
      'the older Gateway holds: use another port, or one Gateway for both',
    );
  if (kind !== other) return conflict('port', `port ${server.port} is already ${who}'s, for ${other}`);
  if (kind === 'TCP') return conflict('port', `port ${server.port} is already ${who}'s, and TCP can not be told apart`);
  const shared = server.hosts.find(({ host }) => older.server.hosts.some((each) => each.host === host))?.host;
  if (shared === undefined) return undefined;
  if (kind === 'TLS') return conflict('hosts', `host ${shared} is already ${who}'s on port ${server.port}`);
  if (server.httpsRedirect === older.server.httpsRedirect) return undefined;
  const message = `host ${shared} of port ${server.port} is redirected to https by one of two servers, the other is ${who}'s: it is redirected`;
  return lintFinding(
    'warning',
    'redirect-differs',
    gateway,
    `spec.servers[${server.index}].tls.httpsRedirect`,
    message,
    'say the same in both, or give them other hosts',
  );
}
