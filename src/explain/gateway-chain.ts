import type { envoy } from '@envoyproxy/protos';
import { holdsAddress } from '../model/ip-block.ts';
import type { Content } from './meeting.ts';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;

/** What a connection looks like to a gateway, after any PROXY header. */
export interface EdgeArrival {
  readonly bytes: Content;
  /** What a TLS greeting asks for; '' for none. */
  readonly serverName: string;
  /** Of the client; '' where it isn't known. */
  readonly address: string;
}

const inspector = 'envoy.filters.listener.tls_inspector';
const proxyHeader = 'envoy.filters.listener.proxy_protocol';
const knownFilters: ReadonlySet<string> = new Set([inspector, proxyHeader]);
const knownMatches: ReadonlySet<string> = new Set(['serverNames', 'transportProtocol', 'sourcePrefixRanges']);

/** Whether every connection has to begin with a PROXY header. */
export const wantsProxyHeader = ({ listenerFilters = [] }: Listener): boolean =>
  listenerFilters.some(({ name }) => name === proxyHeader);

/**
 * Chooses the filter chain that Envoy would: by server name, an exact one before the longest wildcard, then transport, then the
 * client's address, and never another name's chains.
 */
export function chooseServer(listener: Listener, { bytes, serverName, address }: EdgeArrival): FilterChain | undefined {
  const inspected = bytes === 'tls' && (listener.listenerFilters ?? []).some(({ name }) => name === inspector);
  const [transport, name] = inspected ? ['tls', serverName.toLowerCase()] : ['raw_buffer', ''];
  const ofName = withName(knownChains(listener), name);
  const exact = ofName.filter(({ filterChainMatch }) => filterChainMatch?.transportProtocol === transport);
  const ofTransport =
    exact.length > 0 ? exact : ofName.filter(({ filterChainMatch }) => !filterChainMatch?.transportProtocol);
  return fromAddress(ofTransport, address);
}

/** Every chain that TLS can meet, whatever server name it asks for; undefined among them: some name has none. */
export function serversOfTls(listener: Listener, address: string): readonly (FilterChain | undefined)[] {
  const names = new Set(['', ...knownChains(listener).flatMap(serverNamesOf)]);
  const found = [...names].map((name) =>
    // What a wildcard stands for is chosen as any name below it is.
    chooseServer(listener, { bytes: 'tls', serverName: name.replace(/^\*\./, 'any.'), address }),
  );
  return [...new Set(found)];
}

/** The server names that a chain is for; empty: any. */
export const serverNamesOf = ({ filterChainMatch }: FilterChain): readonly string[] =>
  filterChainMatch?.serverNames ?? [];

function knownChains({ listenerFilters = [], filterChains = [] }: Listener): readonly FilterChain[] {
  for (const { name = '' } of listenerFilters)
    if (!knownFilters.has(name)) throw new Error(`unknown listener filter: ${name}`);
  for (const { name = '', filterChainMatch = {} } of filterChains)
    for (const [key, value] of Object.entries(filterChainMatch)) {
      const empty = Array.isArray(value) ? value.length === 0 : value === undefined;
      if (!empty && !knownMatches.has(key)) throw new Error(`chain ${name}: unknown match ${key}`);
    }
  return filterChains;
}

function withName(chains: readonly FilterChain[], name: string): readonly FilterChain[] {
  const wildcards = [...name.matchAll(/\./g)].map(({ index }) => `*${name.slice(index)}`);
  for (const wanted of name === '' ? [] : [name, ...wildcards]) {
    const found = chains.filter((chain) => serverNamesOf(chain).includes(wanted));
    if (found.length > 0) return found;
  }
  return chains.filter((chain) => serverNamesOf(chain).length === 0);
}

/** The narrowest range that holds the client's address, else a chain for any. */
function fromAddress(chains: readonly FilterChain[], address: string): FilterChain | undefined {
  const ranges = chains.flatMap((chain) =>
    (chain.filterChainMatch?.sourcePrefixRanges ?? []).map(({ addressPrefix = '', prefixLen }) => ({
      chain,
      block: { address: addressPrefix, prefixLength: prefixLen?.value ?? 0 },
    })),
  );
  const [narrowest] = ranges
    .filter(({ block }) => address !== '' && holdsAddress(block, address))
    .sort((a, b) => b.block.prefixLength - a.block.prefixLength);
  return (
    narrowest?.chain ?? chains.find(({ filterChainMatch }) => (filterChainMatch?.sourcePrefixRanges ?? []).length === 0)
  );
}
