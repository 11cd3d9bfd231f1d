import type { Resource } from '../model/resource.ts';
import type { ServiceRoute } from './envoy/route.ts';
import { byPrecedence } from './policy/outbound.ts';
import type { ServiceUnit } from './service-unit.ts';

/** Units in the order in which they get what several claim. */
export function inPrecedence(units: Iterable<ServiceUnit>): readonly ServiceUnit[] {
  return [...units].sort((a, b) => byPrecedence(a.service, b.service));
}

/** Of resources with one name, the first: pods behind two headless services have one listener for a port, not two. */
export function firstOfName(resources: readonly Resource[]): readonly Resource[] {
  const known = new Map<string, Resource>();
  for (const each of resources) if (!known.has(each.name)) known.set(each.name, each);
  return known.size === resources.length ? resources : [...known.values()];
}

/**
 * Routes none of whose names another route of the same port has: the first keeps it. Envoy refuses a route table with one name twice, and
 * a ServiceEntry may be called like the short name of a service. The same objects where nothing clashes.
 */
export function withoutClashes(routes: readonly ServiceRoute[]): readonly ServiceRoute[] {
  const known = new Map<number, Set<string>>();
  return routes.flatMap((route) => {
    const taken = known.get(route.port) ?? new Set();
    known.set(route.port, taken);
    const free = route.domains.filter((domain) => !taken.has(domain));
    for (const domain of free) taken.add(domain);
    if (free.length === route.domains.length) return [route];
    return free.length === 0 ? [] : [{ ...route, domains: free }];
  });
}
