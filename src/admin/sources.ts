import type { Finding } from '../model/finding.ts';
import type { TypeUrl } from '../model/ids.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import type { Proxy } from '../model/proxy.ts';
import type { ShadowQuery, ShadowReport, ShadowTotals } from './shadow-report.ts';

/** ERROR: the last response was refused. STALE: not acknowledged yet. NOT_SENT: asked for, nothing sent (behaviour.md 7.8). */
export type SyncState = 'SYNCED' | 'STALE' | 'NOT_SENT' | 'ERROR';

/** Where one type of one stream stands. */
export interface TypeStatus {
  readonly type: TypeUrl;
  readonly state: SyncState;
  readonly wildcard: boolean;
  /** Names subscribed to. */
  readonly names: number;
  readonly sent: { readonly nonce: string; readonly version: string; readonly resources: number } | undefined;
  readonly acked: { readonly nonce: string; readonly version: string } | undefined;
  /** Envoy's words about the last refused response; '' without one. */
  readonly error: string;
  /** Since when it is in that state, ms since the epoch; where the server knows. */
  readonly since?: number;
}

/** One open stream: what the xDS server tells (structurally the same as its own type; `admin` doesn't import `xds`). */
export interface ProxyStatus {
  readonly connection: string;
  readonly proxy: Proxy;
  readonly view: string;
  readonly mode: 'delta' | 'sotw';
  readonly aggregated: boolean;
  /** How it proved who it is; `nothing` on the plaintext port. */
  readonly provenBy: string;
  /** ms since the epoch. */
  readonly connectedAt: number;
  /** Envoy's version, where the server knows it. */
  readonly envoy?: string;
  readonly types: readonly TypeStatus[];
}

/** One group of proxies that get equal configuration. */
export interface ViewStatus {
  readonly id: string;
  readonly proxies: readonly string[];
  /** Number of resources by short type name. */
  readonly resources: Readonly<Record<string, number>>;
}

/** One port of a service, with where it leads. */
export interface ServiceStatus {
  readonly host: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: string;
    readonly endpoints: readonly string[];
  }[];
}

/** Totals of the xDS server since its start (structurally a part of its own counters). */
export interface XdsTotals {
  readonly opened: number;
  readonly refused: number;
  readonly pushes: ReadonlyMap<TypeUrl, number>;
  readonly rejects: ReadonlyMap<TypeUrl, number>;
  readonly staleNonces: number;
  readonly sentBytes: number;
  readonly sentResources: number;
  readonly receivedBytes: number;
  readonly encodedPayloads: number;
  readonly encodedBytes: number;
  readonly streamsTouched: number;
  readonly slow: number;
  readonly stalled: number;
  readonly turnedAwayFull: number;
  readonly turnedAwayBusy: number;
  readonly aged: number;
  readonly full: boolean;
}

/** Ready, or why not. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** How the sets of token keys stand that policies need. */
export interface KeySetTotals {
  /** As new as they should be. */
  readonly fresh: number;
  /** Fetched once, and not refreshed since. */
  readonly stale: number;
  /** Never fetched: tokens of their issuers are refused. */
  readonly missing: number;
  readonly oldestSeconds: number;
}

/** The answer, or what is wrong with the question. */
export type Answered = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

/** Answers the questions of `coxswain authz explain`. */
export interface ExplainSource {
  /** The answer, or what is wrong with the question. */
  answer(question: unknown): Answered;
  /** Public keys by which tokens are verified: whoever asks verifies by himself, and sends no token here. */
  keySets(): readonly string[];
}

/**
 * All that the admin server asks of the running control plane. Functions, so that each answer is as of the request; the
 * composition root makes them, and nothing else in `admin` knows where the answers come from.
 */
export interface AdminSources {
  ready(): Readiness;
  status(): readonly ProxyStatus[];
  /** Without it, the metrics of the xDS server stay away. */
  readonly counters?: () => XdsTotals;
  /** Whether this replica leads; absent where there is nothing to lead. */
  readonly leading?: () => boolean;
  /** What dry runs would do; without it there is no such page. */
  readonly shadow?: (query: ShadowQuery) => ShadowReport;
  readonly shadowTotals?: () => ShadowTotals;
  readonly keySets?: () => KeySetTotals;
  /** Says what happens to a call; without it there is no such page. */
  readonly explain?: ExplainSource;
  /** Says whether a client and its servers speak the same; without it there is no such page. */
  readonly tlsCheck?: (pod: string, host: string) => Answered;
  findings(): readonly Finding[];
  objects(): Iterable<MeshObject>;
  services(): readonly ServiceStatus[];
  views(): readonly ViewStatus[];
  /**
   * What we would send to a proxy, in the shape of Envoy's `/config_dump` (see `config-dump.ts`); undefined if no proxy of
   * that name is connected or known. Secrets may be in it: the server redacts every answer.
   */
  configDump(proxyName: string): unknown;
}
