import type { envoy } from '@envoyproxy/protos';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type Predicate = envoy.config.listener.v3.ListenerFilterChainMatchPredicate;

/** What a connection looks like from outside, before a chain is chosen for it. */
export interface Arrival {
  /** Port that the client meant, before interception. */
  readonly port: number;
  readonly bytes: 'tls' | 'http' | 'http2' | 'other';
  /** What a TLS greeting offers; empty otherwise. */
  readonly alpn: readonly string[];
}

/** Chooses the filter chain that Envoy would: port, transport, then ALPN, and never another port's chains. */
export function chooseChain(listener: Listener, arrival: Arrival): FilterChain | undefined {
  const { transport, protocols } = inspected(listener, arrival);
  const chains = listener.filterChains ?? [];
  for (const chain of chains) refuseUnknown(chain);
  const ofPort = exactOr(chains, ({ filterChainMatch }) => filterChainMatch?.destinationPort?.value, arrival.port);
  const ofTransport = exactOr(
    ofPort,
    ({ filterChainMatch }) => filterChainMatch?.transportProtocol || undefined,
    transport,
  );
  for (const protocol of protocols) {
    const found = ofTransport.find((chain) => alpnOf(chain).includes(protocol));
    if (found !== undefined) return found;
  }
  return ofTransport.find((chain) => alpnOf(chain).length === 0) ?? listener.defaultFilterChain;
}

/** The chains that connections to a port can meet, whatever they look like. */
export function chainsOfPort({ filterChains = [] }: Listener, port: number): readonly FilterChain[] {
  return exactOr(filterChains, ({ filterChainMatch }) => filterChainMatch?.destinationPort?.value, port);
}

const alpnOf = ({ filterChainMatch }: FilterChain): readonly string[] => filterChainMatch?.applicationProtocols ?? [];

/** Those that name the value; where none does, those that name none. The rest is shadowed. */
function exactOr<T>(
  chains: readonly FilterChain[],
  of: (chain: FilterChain) => T | undefined,
  value: T,
): readonly FilterChain[] {
  const exact = chains.filter((chain) => of(chain) === value);
  return exact.length > 0 ? exact : chains.filter((chain) => of(chain) === undefined);
}

const knownMatches: ReadonlySet<string> = new Set(['destinationPort', 'transportProtocol', 'applicationProtocols']);

function refuseUnknown({ name = '', filterChainMatch = {} }: FilterChain): void {
  for (const [key, value] of Object.entries(filterChainMatch)) {
    const empty = Array.isArray(value) ? value.length === 0 : value === undefined;
    if (!empty && !knownMatches.has(key)) throw new Error(`chain ${name}: unknown match ${key}`);
  }
}

const filterTypes = {
  tls: 'envoy.filters.listener.tls_inspector',
  http: 'envoy.filters.listener.http_inspector',
  destination: 'envoy.filters.listener.original_dst',
} as const;
const knownFilters: ReadonlySet<string> = new Set(Object.values(filterTypes));

/** What the listener filters find out; where one is switched off for a port, Envoy stays blind there. */
function inspected(
  { listenerFilters = [] }: Listener,
  { port, bytes, alpn }: Arrival,
): { readonly transport: string; readonly protocols: readonly string[] } {
  for (const { name = '' } of listenerFilters)
    if (!knownFilters.has(name)) throw new Error(`unknown listener filter: ${name}`);
  const runs = (name: string): boolean =>
    listenerFilters.some(
      (filter) => filter.name === name && (filter.filterDisabled === undefined || !holds(filter.filterDisabled, port)),
    );
  if (bytes === 'tls' && runs(filterTypes.tls)) return { transport: 'tls', protocols: alpn };
  const sniffed = runs(filterTypes.http);
  if (sniffed && bytes === 'http') return { transport: 'raw_buffer', protocols: ['http/1.1'] };
  if (sniffed && bytes === 'http2') return { transport: 'raw_buffer', protocols: ['h2c'] };
  return { transport: 'raw_buffer', protocols: [] };
}

function holds(predicate: Predicate, port: number): boolean {
  if (predicate.anyMatch !== undefined) return predicate.anyMatch;
  if (predicate.orMatch !== undefined) return (predicate.orMatch.rules ?? []).some((each) => holds(each, port));
  if (predicate.andMatch !== undefined) return (predicate.andMatch.rules ?? []).every((each) => holds(each, port));
  if (predicate.notMatch !== undefined) return !holds(predicate.notMatch, port);
  if (predicate.destinationPortRange !== undefined) {
    const { start = 0, end = 0 } = predicate.destinationPortRange;
    return start <= port && port < end;
  }
  throw new Error(`unknown predicate: ${JSON.stringify(predicate)}`);
}
