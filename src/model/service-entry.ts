import type { ExportTo } from './export-to.ts';
import type { Host } from './host.ts';
import type { IpBlock } from './ip-block.ts';
import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { Protocol } from './service.ts';
import type { Workload } from './workload.ts';

/**
 * How a client finds the endpoints: NONE keeps the address that the connection was meant for; STATIC takes those that are listed;
 * DNS resolves names, all answers or (DNS_ROUND_ROBIN) one at a time; DYNAMIC_DNS resolves what each request names.
 */
export type Resolution = 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';

/** One port of a ServiceEntry; UDP is left out. */
export interface EntryPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Where endpoints listen that don't say so themselves. */
  readonly targetPort: number;
}

/** An endpoint that stands in a ServiceEntry: what a WorkloadEntry would say of it. */
export interface EntryEndpoint {
  /** An IP address, a DNS name, or the absolute path of a Unix socket. */
  readonly address: string;
  /** Share of the load among its like; undefined: as all others. */
  readonly weight: number | undefined;
  /** Identity, labels and TLS mode, as the namespace of the entry has them. */
  readonly workload: Workload;
}

/** A service that Kubernetes doesn't know (behaviour.md 4.6). Each of its hosts is a service of its own to clients. */
export interface ServiceEntry {
  readonly kind: 'ServiceEntry';
  readonly meta: ObjectMeta;
  /** At least one; never `*` alone. */
  readonly hosts: readonly Host[];
  /** Virtual addresses that are single ones. */
  readonly addresses: readonly string[];
  /** Virtual addresses that are blocks. */
  readonly blocks: readonly IpBlock[];
  readonly ports: readonly EntryPort[];
  /** `external`: its endpoints have no mesh identity, whatever runs there. */
  readonly location: 'external' | 'internal';
  readonly resolution: Resolution;
  readonly endpoints: readonly EntryEndpoint[];
  /** Workloads of the same namespace, instead of endpoints. */
  readonly workloadSelector: Selector | undefined;
  readonly exportTo: ExportTo;
  /** Names of which the server's certificate must hold one; empty: the rule that asks for TLS decides. */
  readonly subjectAltNames: readonly string[];
}
