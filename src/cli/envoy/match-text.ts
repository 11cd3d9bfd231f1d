import { at, list, text } from './json.ts';

/** Names for the ALPN lists that sidecars' chains are made of (behaviour.md 8.2, pinned by users' scripts). */
const aliases: readonly (readonly [string, readonly string[]])[] = [
  ['HTTP TLS', ['http/1.0', 'http/1.1', 'h2c', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2']],
  ['Istio HTTP Plain', ['istio', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2']],
  ['TCP TLS', ['istio-peer-exchange', 'istio']],
  ['HTTP', ['http/1.0', 'http/1.1', 'h2c']],
];

/** When a filter chain applies: `SNI: a,b; Trans: tls; App: HTTP TLS; Addr: *:8080; Source: 10.0.0.0/8`, or `ALL`. */
export function chainMatchText(match: unknown): string {
  const parts: string[] = [];
  const names = list(match, 'server_names').map(String);
  if (names.length > 0) parts.push(`SNI: ${names.join(',')}`);
  const transport = text(match, 'transport_protocol');
  if (transport !== '') parts.push(`Trans: ${transport}`);
  const protocols = list(match, 'application_protocols').map(String);
  if (protocols.length > 0) parts.push(`App: ${alias(protocols) ?? protocols.join(',')}`);
  const port = text(match, 'destination_port');
  const ranges = rangesText(match, 'prefix_ranges');
  if (ranges.length > 0 || port !== '')
    parts.push(`Addr: ${ranges.length > 0 ? ranges.join(',') : '*'}${port === '' ? '' : `:${port}`}`);
  const sources = rangesText(match, 'source_prefix_ranges');
  if (sources.length > 0) parts.push(`Source: ${sources.join(',')}`);
  return parts.length === 0 ? 'ALL' : parts.join('; ');
}

function rangesText(match: unknown, field: string): readonly string[] {
  return list(match, field).map((range) => `${text(range, 'address_prefix')}/${text(range, 'prefix_len') || '0'}`);
}

function alias(protocols: readonly string[]): string | undefined {
  const sorted = [...protocols].sort().join();
  return aliases.find(([, members]) => [...members].sort().join() === sorted)?.[0];
}

/** What a route matches: `/*` for a prefix, the path itself, `regex …`, and the headers and query parameters it wants. */
export function routeMatchText(match: unknown): string {
  const separated = text(match, 'path_separated_prefix');
  const regex = text(match, 'safe_regex', 'regex');
  const parts = [
    at(match, 'prefix') === undefined ? '' : `${text(match, 'prefix')}*`,
    text(match, 'path'),
    separated === '' ? '' : `${separated}[/*]`,
    regex === '' ? '' : `regex ${regex}`,
    text(match, 'path_match_policy', 'name'),
    ...list(match, 'headers').map((header) => `header ${text(header, 'name')}`),
    ...list(match, 'query_parameters').map((parameter) => `query ${text(parameter, 'name')}`),
  ];
  return parts.filter((part) => part !== '').join(' ');
}
