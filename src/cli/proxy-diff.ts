import { redactSecrets } from '../admin/redact.ts';
import { unifiedDiff } from './diff.ts';
import { clustersOf, extensionsOf, listenersOf, routesOf, section } from './envoy/config-dump.ts';
import { at, list, text } from './envoy/json.ts';

/** How one kind of configuration compares. */
export interface Comparison {
  /** `Clusters`, `Listeners`, `Routes`, `Extensions`. */
  readonly subject: string;
  /** Unified diff from what we send to what Envoy holds; '' if they match. */
  readonly diff: string;
  /** When Envoy last took some of it, ISO 8601; '' where unknown. */
  readonly loadedAt: string;
}

/**
 * What we would send a proxy against what its Envoy holds (behaviour.md 8.1). Only what comes from us counts: static
 * resources of Envoy's bootstrap are left out.
 */
export function compareDumps(ours: unknown, envoys: unknown): readonly Comparison[] {
  const held = dynamic(envoys, 'RoutesConfigDump', 'static_route_configs', routesOf);
  const wanted = new Set([
    ...routesNamed(section(ours, 'ListenersConfigDump')),
    ...held.map((each) => text(each, 'name')),
  ]);
  return [
    compare(
      'Clusters',
      dynamic(ours, 'ClustersConfigDump', 'static_clusters', clustersOf),
      dynamic(envoys, 'ClustersConfigDump', 'static_clusters', clustersOf),
      '',
    ),
    compare(
      'Listeners',
      dynamic(ours, 'ListenersConfigDump', 'static_listeners', listenersOf),
      dynamic(envoys, 'ListenersConfigDump', 'static_listeners', listenersOf),
      '',
    ),
    compare(
      'Routes',
      withVirtualHosts(ours).filter((each) => wanted.has(text(each, 'name'))),
      held,
      lastUpdate(section(envoys, 'RoutesConfigDump')),
    ),
    compare('Extensions', extensionsOf(ours), extensionsOf(envoys), ''),
  ];
}

/** `Clusters Match`, or the diff. The words are those that scripts wait for. */
export function comparisonText({ subject, diff, loadedAt }: Comparison): string {
  if (diff !== '') return `${subject} Don't Match\n${diff}`;
  return `${subject} Match${loadedAt === '' ? '' : ` (RDS last loaded at ${loadedAt})`}\n`;
}

function compare(subject: string, ours: readonly unknown[], envoys: readonly unknown[], loadedAt: string): Comparison {
  const [left, right] = [textsByName(ours), textsByName(envoys)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  const diffs = names.map((name) =>
    unifiedDiff(left.get(name) ?? '', right.get(name) ?? '', `coxswain ${name}`, `envoy ${name}`),
  );
  return { subject, diff: diffs.join(''), loadedAt };
}

function dynamic(
  dump: unknown,
  name: string,
  statics: string,
  read: (dump: unknown) => readonly unknown[],
): readonly unknown[] {
  const found = section(dump, name);
  if (typeof found !== 'object' || found === null) return [];
  return read({ configs: [{ ...found, [statics]: [] }] });
}

/** Routes that a listener names: Envoy asks for no others. A gateway without listeners asks for none. */
function routesNamed(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(routesNamed);
  if (typeof value !== 'object' || value === null) return [];
  const own = text(value, 'route_config_name');
  return [...(own === '' ? [] : [own]), ...Object.values(value).flatMap(routesNamed)];
}

/** Envoy shows virtual hosts that came apart (VHDS) inside their route; ours are put there too. */
function withVirtualHosts(dump: unknown): readonly unknown[] {
  const apart = list(section(dump, 'VirtualHostsConfigDump'), 'dynamic_virtual_hosts');
  return routesOf(dump).map((route) => {
    const prefix = `${text(route, 'name')}/`;
    const own = apart.filter((each) => text(each, 'name').startsWith(prefix)).map((each) => at(each, 'virtual_host'));
    if (own.length === 0 || typeof route !== 'object' || route === null) return route;
    return { ...route, virtual_hosts: [...list(route, 'virtual_hosts'), ...own] };
  });
}

function lastUpdate(routes: unknown): string {
  const times = list(routes, 'dynamic_route_configs').map((each) => text(each, 'last_updated'));
  return times.sort().at(-1) ?? '';
}

/** Keys sorted, one field a line: equal configuration gives equal text. */
function textsByName(resources: readonly unknown[]): ReadonlyMap<string, string> {
  return new Map(
    resources.map((resource) => [text(resource, 'name'), JSON.stringify(sortKeys(redactSecrets(resource)), null, 1)]),
  );
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '@type')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [
        key,
        key === 'virtual_hosts' && Array.isArray(inner) ? sortByName(inner).map(sortKeys) : sortKeys(inner),
      ]),
  );
}

function sortByName(values: readonly unknown[]): readonly unknown[] {
  return [...values].sort((a, b) => (text(a, 'name') < text(b, 'name') ? -1 : 1));
}
