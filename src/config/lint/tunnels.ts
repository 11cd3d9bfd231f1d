import type { DestinationRule } from '../../model/destination-rule.ts';
import type { Finding } from '../../model/finding.ts';
import { fullHost, type Host, hostWithin } from '../../model/host.ts';
import type { Destination } from '../../model/http-route.ts';
import { wholePolicy } from '../../model/port-policy.ts';
import { isHttp, type Protocol, serviceHost } from '../../model/service.ts';
import type { Tunnel } from '../../model/traffic-policy.ts';
import { lintFinding, type World } from './world.ts';

/** Tunnels that nothing goes through, and routes that would have to choose between several (behaviour.md 4.5). */
export function lintTunnels(world: World): readonly Finding[] {
  const rules = world.destinationRules.filter(
    ({ trafficPolicy, subsets }) =>
      trafficPolicy?.tunnel !== undefined || subsets.some((subset) => subset.trafficPolicy?.tunnel !== undefined),
  );
  return rules.length === 0 ? [] : [...unused(world, rules), ...mixed(world)];
}

/** HTTP goes straight to its destination: only bytes go through a tunnel. */
function unused(world: World, rules: readonly DestinationRule[]): readonly Finding[] {
  const { services, serviceEntries, virtualServices, mesh } = world;
  const protocols: readonly (readonly [Host, readonly Protocol[]])[] = [
    ...services.map((each) => [serviceHost(each, mesh.dnsDomain), each.ports.map(({ protocol }) => protocol)] as const),
    ...serviceEntries.flatMap(({ hosts, ports }) =>
      hosts.map((host) => [host, ports.map(({ protocol }) => protocol)] as const),
    ),
  ];
  const routed = new Set(
    virtualServices.flatMap(({ tls, tcp }) =>
      [...tls, ...tcp].flatMap(({ destinations }) => destinations.map(({ destination }) => destination.host)),
    ),
  );
  return rules.flatMap((rule) => {
    const full = fullHost(rule.host, rule.meta.namespace, mesh.dnsDomain);
    const meant = protocols.filter(([host]) => hostWithin(host, full));
    if (meant.length === 0 || meant.some(([host, ports]) => routed.has(host) || !ports.every(isHttp))) return [];
    const message = `no connection to ${full} goes through the tunnel: all of its ports are HTTP, and no tls or tcp route leads there`;
    const hint = 'declare the port as TCP or TLS, or route connections there';
    return [lintFinding('warning', 'tunnel-unused', rule, 'spec.trafficPolicy.tunnel', message, hint)];
  });
}

function mixed(world: World): readonly Finding[] {
  return world.virtualServices.flatMap((service) =>
    (['tls', 'tcp'] as const).flatMap((kind) =>
      service[kind].flatMap(({ destinations }, index) => {
        const tunnels = destinations.map(({ destination }) => JSON.stringify(tunnelTo(world, destination) ?? null));
        if (new Set(tunnels).size < 2) return [];
        const message = 'its destinations have different tunnels, between which Envoy can not choose: connections end';
        const hint = 'give all of them the same tunnel, or route to one of them';
        return [lintFinding('warning', 'mixed-tunnels', service, `spec.${kind}[${index}].route`, message, hint)];
      }),
    ),
  );
}

/** As the oldest rule for just this host says it. */
function tunnelTo({ destinationRules, mesh }: World, { host, subset }: Destination): Tunnel | undefined {
  const rules = destinationRules.filter((rule) => fullHost(rule.host, rule.meta.namespace, mesh.dnsDomain) === host);
  const all = rules.find(({ trafficPolicy }) => trafficPolicy !== undefined)?.trafficPolicy;
  const own = rules.flatMap(({ subsets }) => subsets).find(({ name }) => name === subset)?.trafficPolicy;
  return wholePolicy(all, own).tunnel;
}
