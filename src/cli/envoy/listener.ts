import { at, list, text } from './json.ts';
import { chainMatchText, routeMatchText } from './match-text.ts';
import type { View } from './view.ts';

/** Which listeners to show. */
export interface ListenerFilter {
  readonly port?: string;
  readonly name?: string;
  readonly direction?: string;
}

export function filterListeners(listeners: readonly unknown[], filter: ListenerFilter): readonly unknown[] {
  return listeners.filter(
    (listener) =>
      (filter.port === undefined || portOf(listener) === filter.port) &&
      (filter.name === undefined || text(listener, 'name') === filter.name) &&
      (filter.direction === undefined || text(listener, 'traffic_direction').toLowerCase() === filter.direction),
  );
}

/** One row a filter chain (behaviour.md 8.2). */
export function listenerView(listeners: readonly unknown[]): View {
  const rows = sorted(listeners).flatMap((listener) =>
    chainsOf(listener).map((chain) => [
      addressesOf(listener),
      portOf(listener),
      chainMatchText(at(chain, 'filter_chain_match')),
      destination(chain),
    ]),
  );
  return { headers: ['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION'], rows };
}

/** One row a listener: `--verbose=false`. */
export function shortListenerView(listeners: readonly unknown[]): View {
  const rows = sorted(listeners).map((listener) => [addressesOf(listener), portOf(listener), typeOf(listener)]);
  return { headers: ['ADDRESSES', 'PORT', 'TYPE'], rows };
}

function sorted(listeners: readonly unknown[]): readonly unknown[] {
  const key = (listener: unknown): string =>
    `${portOf(listener).padStart(5, '0')} ${addressesOf(listener)} ${typeOf(listener)}`;
  return [...listeners].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function addressesOf(listener: unknown): string {
  const addresses = [
    at(listener, 'address'),
    ...list(listener, 'additional_addresses').map((each) => at(each, 'address')),
  ];
  return addresses
    .map((address) => text(address, 'socket_address', 'address') || text(address, 'pipe', 'path'))
    .join(',');
}

function portOf(listener: unknown): string {
  return text(listener, 'address', 'socket_address', 'port_value') || '0';
}

function chainsOf(listener: unknown): readonly unknown[] {
  const fallback = at(listener, 'default_filter_chain');
  return [...list(listener, 'filter_chains'), ...(fallback === undefined ? [] : [fallback])];
}

const hcm = '.HttpConnectionManager';
const tcpProxy = '.TcpProxy';

function filterOf(chain: unknown, type: string): unknown {
  return list(chain, 'filters')
    .map((filter) => at(filter, 'typed_config'))
    .find((config) => text(config, '@type').endsWith(type));
}

function typeOf(listener: unknown): string {
  const chains = chainsOf(listener);
  const http = chains.some((chain) => filterOf(chain, hcm) !== undefined);
  const tcp = chains.some((chain) => filterOf(chain, tcpProxy) !== undefined);
  if (http && tcp) return 'HTTP+TCP';
  if (http) return 'HTTP';
  return tcp ? 'TCP' : 'UNKNOWN';
}

function destination(chain: unknown): string {
  const http = filterOf(chain, hcm);
  if (http !== undefined) return httpDestination(http);
  const tcp = filterOf(chain, tcpProxy);
  if (tcp === undefined) return 'Non-HTTP/Non-TCP';
  const weighted = list(tcp, 'weighted_clusters', 'clusters').map(
    (each) => `${text(each, 'name')} (weight ${text(each, 'weight')})`,
  );
  return clusterText(weighted.length > 0 ? weighted.join(', ') : text(tcp, 'cluster'));
}

function httpDestination(config: unknown): string {
  const routes = at(config, 'route_config');
  if (routes === undefined) return `Route: ${text(config, 'rds', 'route_config_name')}`;
  const hosts = list(routes, 'virtual_hosts');
  const only = hosts.length === 1 && isEverywhere(hosts[0]) ? list(hosts[0], 'routes') : [];
  const cluster = text(only[0], 'route', 'cluster');
  if (only.length === 1 && text(only[0], 'match', 'prefix') === '/' && cluster !== '') return clusterText(cluster);
  const texts = hosts.map((host) => {
    const matches = list(host, 'routes')
      .map((route) => routeMatchText(at(route, 'match')))
      .join(', ');
    return isEverywhere(host) ? matches : `${list(host, 'domains').join('/')} ${matches}`;
  });
  return `Inline Route: ${texts.join('; ')}`;
}

function isEverywhere(host: unknown): boolean {
  const domains = list(host, 'domains');
  return domains.length === 1 && domains[0] === '*';
}

function clusterText(name: string): string {
  return name === 'PassthroughCluster' ? name : `Cluster: ${name}`;
}
