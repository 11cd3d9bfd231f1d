import { delegated, type FindVirtualService } from '../../model/delegation.ts';
import { type ExportTo, visibleIn } from '../../model/export-to.ts';
import type { Finding } from '../../model/finding.ts';
import type { Gateway, GatewayServer } from '../../model/gateway.ts';
import { type Host, narrower } from '../../model/host.ts';
import { meshGateway, type VirtualService } from '../../model/virtual-service.ts';
import { suggest } from '../decode/suggest.ts';
import { gatewayName, serversNear } from './gateway.ts';
import { lintFinding, type World } from './world.ts';

/** VirtualServices that hold nowhere, or not for all of their hosts, given what is around them (behaviour.md 5.7). */
export function lintVirtualServices(world: World): readonly Finding[] {
  const gateways = new Map(world.gateways.map((gateway) => [gatewayName(gateway), gateway]));
  return [
    ...world.virtualServices.flatMap((service) => bindings(world, service, gateways)),
    ...claimedHosts(world),
    ...delegates(world),
  ];
}

/** The hosts of a server that VirtualServices of a namespace may have. */
export function hostsFor({ hosts }: GatewayServer, namespace: string): readonly Host[] {
  return hosts.filter((each) => each.namespace === undefined || each.namespace === namespace).map(({ host }) => host);
}

function bindings(world: World, service: VirtualService, gateways: ReadonlyMap<string, Gateway>): readonly Finding[] {
  // Whoever looks at one object alone knows nothing of Gateways.
  if (world.namespaces.length === 0 && gateways.size === 0) return [];
  const found: Finding[] = [];
  const taken = new Set<Host>();
  for (const [index, name] of service.gateways.entries()) {
    if (name === meshGateway) continue;
    const field = `spec.gateways[${index}]`;
    const gateway = gateways.get(name);
    if (gateway === undefined) {
      const likely = suggest(name, [...gateways.keys()]);
      const hint = likely === undefined ? 'create the Gateway, or correct the name' : `did you mean "${likely}"?`;
      const message = `Gateway ${name} is not known: these routes hold on no gateway by it`;
      found.push(lintFinding('warning', 'unknown-gateway', service, field, message, hint));
      continue;
    }
    const servers = serversNear(gateway, service.hosts).filter((server) => {
      const own = hostsFor(server, service.meta.namespace);
      const common = service.hosts.filter((host) => own.some((each) => narrower(host, each) !== undefined));
      for (const host of common) taken.add(host);
      return common.length > 0;
    });
    found.push(...unboundGateway(world, service, gateway, servers, field));
  }
  const elsewhere = service.gateways.some((name) => name === meshGateway || !gateways.has(name));
  // Where no host fits, the Gateway was named above.
  if (elsewhere || taken.size === 0) return found;
  for (const [index, host] of service.hosts.entries()) {
    if (taken.has(host)) continue;
    const message = `no server of its Gateways takes host ${host}: nobody is routed by it`;
    const hint = 'add the host to a server, or remove it here';
    found.push(lintFinding('warning', 'host-not-on-gateway', service, `spec.hosts[${index}]`, message, hint));
  }
  return found;
}

/** `servers`: those of the Gateway that take some host of the VirtualService. */
function unboundGateway(
  world: World,
  service: VirtualService,
  gateway: Gateway,
  servers: readonly GatewayServer[],
  field: string,
): readonly Finding[] {
  const name = gatewayName(gateway);
  if (servers.length === 0) {
    const message = `no server of Gateway ${name} takes one of these hosts from namespace ${service.meta.namespace}: these routes don't hold there`;
    const hint = 'compare spec.hosts with the hosts of the servers';
    return [lintFinding('warning', 'host-not-on-gateway', service, field, message, hint)];
  }
  const found: Finding[] = [];
  const wanted = new Set(servers.map(routesOf));
  if (![...wanted].some((kind) => service[kind].length > 0)) {
    const message = `the servers of Gateway ${name} with these hosts need ${[...wanted].join(' or ')} routes, which are not here`;
    const hint = 'HTTP and HTTPS need http, PASSTHROUGH needs tls, other TLS and TCP need tcp';
    found.push(lintFinding('warning', 'no-routes-for-server', service, field, message, hint));
  }
  const routers = world.withLabels(gateway.selector);
  if (routers.length > 0 && !routers.some(({ meta }) => visibleIn(service.exportTo, meta.namespace))) {
    const where = [...new Set(routers.map(({ meta }) => meta.namespace))].sort().join(', ');
    const message = `is not exported to namespace ${where}, where the gateways of ${name} run: these routes don't hold there`;
    found.push(lintFinding('warning', 'not-exported-to-gateway', service, 'spec.exportTo', message, 'add it'));
  }
  return found;
}

/** Which routes a server asks for. */
export function routesOf({ protocol, tls }: GatewayServer): 'http' | 'tls' | 'tcp' {
  if (tls?.mode === 'PASSTHROUGH' || tls?.mode === 'AUTO_PASSTHROUGH') return 'tls';
  return protocol === 'HTTP' || protocol === 'HTTPS' ? 'http' : 'tcp';
}

/** Sidecars follow one VirtualService for a host, the oldest. */
function claimedHosts({ virtualServices }: World): readonly Finding[] {
  const found: Finding[] = [];
  const owners = new Map<Host, VirtualService[]>();
  for (const service of virtualServices) {
    if (!service.gateways.includes(meshGateway)) continue;
    for (const [index, host] of service.hosts.entries()) {
      const older = owners.get(host) ?? [];
      owners.set(host, older);
      const winner = older.find(({ exportTo }) => overlap(exportTo, service.exportTo));
      older.push(service);
      if (winner === undefined) continue;
      const { namespace, name } = winner.meta;
      const message = `sidecars follow VirtualService ${namespace}/${name} for host ${host}, which is older: this one has no effect there`;
      const hint = 'sidecars merge nothing: put the routes into one object, or into delegates';
      found.push(lintFinding('warning', 'host-already-routed', service, `spec.hosts[${index}]`, message, hint));
    }
  }
  return found;
}

function overlap(a: ExportTo, b: ExportTo): boolean {
  if (a === 'all') return b === 'all' || b.length > 0;
  return b === 'all' ? a.length > 0 : a.some((each) => b.includes(each));
}

function delegates({ virtualServices }: World): readonly Finding[] {
  const byName = new Map(virtualServices.map((each) => [`${each.meta.namespace}/${each.meta.name}`, each]));
  const named = new Set<string>();
  const find: FindVirtualService = ({ namespace, name }) => {
    named.add(`${namespace}/${name}`);
    return byName.get(`${namespace}/${name}`);
  };
  const problems = virtualServices
    .filter(({ hosts }) => hosts.length > 0)
    .flatMap((root) =>
      delegated(root, find).problems.map(({ code, index, message, hint }) =>
        lintFinding('warning', code, root, `spec.http[${index}].delegate`, message, hint),
      ),
    );
  const unused = virtualServices.filter(
    ({ hosts, meta }) => hosts.length === 0 && !named.has(`${meta.namespace}/${meta.name}`),
  );
  const message = 'without hosts this is a delegate, and no VirtualService names it: it has no effect';
  return [
    ...problems,
    ...unused.map((each) =>
      lintFinding('warning', 'unused-delegate', each, 'spec.hosts', message, 'add hosts, or name it where it is meant'),
    ),
  ];
}
