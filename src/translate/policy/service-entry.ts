import type { Host } from '../../model/host.ts';
import { selects } from '../../model/selector.ts';
import type { EntryPort, ServiceEntry } from '../../model/service-entry.ts';
import { type Endpoint, once, portOfName, workloadsIn } from '../../snapshot/indexes.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import type { ClientsPart, EffectiveService } from './outbound.ts';
import { outboundPorts, type PortSource, type ServiceFacts } from './outbound-ports.ts';

/**
 * What clients that are told `part` of one host of a ServiceEntry need to know of it (behaviour.md 4.6): the same as of any service, so
 * that the same builders make it.
 */
export function effectiveEntry(
  snapshot: Snapshot,
  entry: ServiceEntry,
  host: Host,
  { addresses, destination, aliases }: Omit<ClientsPart, 'client'>,
): EffectiveService {
  const { meta, resolution } = entry;
  const kept = resolution === 'NONE' || resolution === 'DYNAMIC_DNS';
  const facts: ServiceFacts = {
    namespace: meta.namespace,
    external: entry.location === 'external',
    passthrough: kept,
    known: () => entry.ports.flatMap((port) => endpointsOfEntry(snapshot, entry, host, port, 'all')),
    subjectAltNames: entry.subjectAltNames,
  };
  const sources = entry.ports.map((port) => ({ ...port, endpoints: endpointsOfEntry(snapshot, entry, host, port) }));
  return {
    registry: 'entry',
    createdAt: meta.createdAt,
    name: meta.name,
    namespace: meta.namespace,
    host,
    addresses,
    headless: false,
    listenAt: addresses,
    blocks: entry.blocks,
    everywhere: entry.addresses.length === 0 && entry.blocks.length === 0,
    discovery: resolution === 'DNS' ? 'strict-dns' : resolution === 'DNS_ROUND_ROBIN' ? 'logical-dns' : 'eds',
    ports: outboundPorts(snapshot, facts, sources, destination),
    rule: destination?.rule ?? '',
    aliases,
  };
}

/** Where one port of an entry leads; nowhere of its own, where connections keep their address. */
function endpointsOfEntry(
  snapshot: Snapshot,
  entry: ServiceEntry,
  host: string,
  port: EntryPort,
  which: 'ready' | 'all' = 'ready',
): PortSource['endpoints'] {
  const { resolution, endpoints, workloadSelector, meta } = entry;
  if (resolution === 'NONE' || resolution === 'DYNAMIC_DNS') return [];
  if (workloadSelector !== undefined) {
    const selected = [...workloadsIn(snapshot, meta.namespace)].flatMap((workload): readonly Endpoint[] => {
      const [address] = workload.addresses;
      if (address === undefined || !selects(workloadSelector, workload.labels)) return [];
      if (!workload.ready && which === 'ready') return [];
      return [{ address, port: portOfName(workload.namedPorts, port.name) ?? port.targetPort, workload }];
    });
    return once(selected);
  }
  const listed = endpoints.map(({ address, weight, workload }) => ({
    address,
    port: portOfName(workload.namedPorts, port.name) ?? port.targetPort,
    workload,
    ...(weight === undefined ? {} : { weight }),
  }));
  const named = resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN';
  return listed.length === 0 && named ? [{ address: host, port: port.targetPort, workload: undefined }] : listed;
}
