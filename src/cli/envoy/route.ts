import { objectInMetadata } from './config-dump.ts';
import { at, list, text } from './json.ts';
import { routeMatchText } from './match-text.ts';
import { sortRows, type View } from './view.ts';

/** Which routes to show. `port` is that of the route's name. */
export interface RouteFilter {
  readonly name?: string;
  readonly port?: string;
}

export function filterRoutes(configs: readonly unknown[], filter: RouteFilter): readonly unknown[] {
  return configs.filter((config) => {
    const name = text(config, 'name');
    return (
      (filter.name === undefined || name === filter.name) &&
      (filter.port === undefined ||
        name === filter.port ||
        name.endsWith(`:${filter.port}`) ||
        name.split('|')[1] === filter.port ||
        // Of a gateway: all servers of a plaintext port, or one TLS server.
        /^https?\.(\d+)(\.|$)/.exec(name)?.[1] === filter.port)
    );
  });
}

/** One row a route; one with `404` for a virtual host that has none (behaviour.md 8.2), and one where everything is sent to https. */
export function routeView(configs: readonly unknown[]): View {
  const rows = configs.flatMap((config) =>
    list(config, 'virtual_hosts').flatMap((host) => {
      const name = text(config, 'name');
      // One that came apart (VHDS) is named after its route, which has a column of its own.
      const hostName = text(host, 'name').replace(`${name}/`, '');
      const place = [name, hostName, domainsText(list(host, 'domains').map(String))];
      const routes = list(host, 'routes');
      if (routes.length === 0) return [[...place, '/*', '404']];
      if (text(host, 'require_tls') === 'ALL') return [[...place, '/*', 'redirects to https']];
      return routes.map((route) => [
        ...place,
        routeMatchText(at(route, 'match')),
        objectInMetadata(route, 'virtual-service') || ownAnswer(route),
      ]);
    }),
  );
  // Routes of one virtual host stay in the order in which Envoy tries them.
  const order = sortRows(rows.map((row, index) => [...row.slice(0, 2), String(index)]));
  return {
    headers: ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE'],
    rows: order.map((key) => rows[Number(key[2])] ?? []),
  };
}

/** What is answered without a VirtualService, and without anybody behind it: a host that a gateway doesn't know, say. */
function ownAnswer(route: unknown): string {
  return text(route, 'direct_response', 'status');
}

function domainsText(domains: readonly string[]): string {
  const [first = '', ...more] = domains;
  return more.length === 0 ? first : `${first} + ${more.length} more...`;
}
