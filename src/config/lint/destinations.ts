import type { DestinationRule } from '../../model/destination-rule.ts';
import type { Finding } from '../../model/finding.ts';
import { fullHost, type Host, hostWithin } from '../../model/host.ts';
import type { Destination } from '../../model/http-route.ts';
import { serviceHost } from '../../model/service.ts';
import type { VirtualService } from '../../model/virtual-service.ts';
import { suggest } from '../decode/suggest.ts';
import { lintFinding, type World } from './world.ts';

/** Routes to what isn't there: a request gets 503, a connection ends (behaviour.md 5.7). */
export function lintDestinations(world: World): readonly Finding[] {
  const ports = portsByHost(world);
  // Whoever looks at one object alone knows no services.
  if (ports.size === 0) return [];
  const subsets = subsetFinder(world);
  return world.virtualServices.flatMap((service) =>
    destinationsOf(service).flatMap(([field, destination]) => problem(service, field, destination, ports, subsets)),
  );
}

function destinationsOf(service: VirtualService): readonly (readonly [field: string, destination: Destination])[] {
  const connections = (kind: 'tls' | 'tcp') =>
    service[kind].flatMap(({ destinations }, index) =>
      destinations.map(({ destination }) => [`spec.${kind}[${index}].route`, destination] as const),
    );
  const http = service.http.flatMap(({ action, mirrors = [] }, index) => [
    ...(action.kind === 'forward'
      ? action.destinations.map(({ destination }) => [`spec.http[${index}].route`, destination] as const)
      : []),
    ...mirrors.map(({ destination }) => [`spec.http[${index}].mirrors`, destination] as const),
  ]);
  return [...http, ...connections('tls'), ...connections('tcp')];
}

function problem(
  service: VirtualService,
  field: string,
  { host, subset, port }: Destination,
  known: ReadonlyMap<Host, ReadonlySet<number> | undefined>,
  hasSubset: (host: Host, subset: string) => boolean,
): readonly Finding[] {
  const nowhere = 'what is sent there gets 503';
  const finding = (code: string, message: string, hint: string): Finding =>
    lintFinding('warning', code, service, field, `${message}: ${nowhere}`, hint);
  if (!known.has(host)) {
    const likely = suggest(host, [...known.keys()]);
    const hint = likely === undefined ? 'create the service, or correct the name' : `did you mean "${likely}"?`;
    return [finding('unknown-host', `no service has host ${host}`, hint)];
  }
  const found: Finding[] = [];
  const ports = known.get(host);
  if (port !== undefined && ports !== undefined && !ports.has(port)) {
    const hint = `use one of: ${[...ports].sort((a, b) => a - b).join(', ')}`;
    found.push(finding('unknown-port', `${host} has no port ${port}`, hint));
  }
  if (subset !== '' && !hasSubset(host, subset))
    found.push(
      finding(
        'unknown-subset',
        `no DestinationRule for ${host} has a subset ${subset}`,
        'add it to spec.subsets of one',
      ),
    );
  return found;
}

/** The ports of each host; undefined where it is another name for something else. */
function portsByHost({ services, serviceEntries, mesh }: World): ReadonlyMap<Host, ReadonlySet<number> | undefined> {
  const found = new Map<Host, ReadonlySet<number> | undefined>();
  for (const service of services)
    found.set(
      serviceHost(service, mesh.dnsDomain),
      service.externalName === undefined ? new Set(service.ports.map(({ port }) => port)) : undefined,
    );
  for (const { hosts, ports } of serviceEntries) {
    for (const host of hosts) {
      if (found.has(host) && found.get(host) === undefined) continue;
      found.set(host, new Set([...(found.get(host) ?? []), ...ports.map(({ port }) => port)]));
    }
  }
  return found;
}

function subsetFinder({ destinationRules, mesh }: World): (host: Host, subset: string) => boolean {
  const hostOf = ({ host, meta }: DestinationRule): Host => fullHost(host, meta.namespace, mesh.dnsDomain);
  const rules = destinationRules.filter(({ subsets }) => subsets.length > 0);
  const byHost = Map.groupBy(rules, hostOf);
  const wildcards = [...byHost].filter(([host]) => host.startsWith('*'));
  return (host, subset) =>
    [
      ...(byHost.get(host) ?? []),
      ...wildcards.filter(([pattern]) => hostWithin(host, pattern)).flatMap(([, each]) => each),
    ].some(({ subsets }) => subsets.some(({ name }) => name === subset));
}
