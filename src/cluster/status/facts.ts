import { printable } from '../../lib/printable.ts';
import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import type { Finding } from '../../model/finding.ts';
import type { Gateway } from '../../model/gateway.ts';
import type { TypeUrl, ViewId } from '../../model/ids.ts';
import type { Labels } from '../../model/object.ts';
import type { PeerAuthentication } from '../../model/peer-authentication.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import type { RequestAuthentication } from '../../model/request-authentication.ts';
import type { Sidecar } from '../../model/sidecar.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';

/** An object that selects proxies, and whose spread over them is told. */
export type Policy = PeerAuthentication | RequestAuthentication | AuthorizationPolicy | Gateway | Sidecar;

/** What a group of proxies has in common, as far as it decides which policies apply (structurally a view of the compiler). */
export interface ViewFacts {
  readonly id: ViewId;
  readonly namespace: string;
  readonly kind: ProxyKind;
  readonly labels: Labels;
}

/** One open stream (structurally what the xDS server's `status()` tells). */
export interface StreamFacts {
  readonly proxy: { readonly id: string; readonly name: string; readonly namespace: string };
  readonly view: ViewId;
  readonly aggregated: boolean;
  /** ms since the epoch. */
  readonly connectedAt: number;
  readonly types: readonly {
    readonly type: TypeUrl;
    /** Up to this generation of the configuration, all of the type is acknowledged. */
    readonly generation: number;
    /** Envoy's words about what it refused of it; '' without any. */
    readonly refused: string;
  }[];
}

/** What status is made of. Everything is asked for when it is needed, and answered with what holds at that moment. */
export interface StatusSources {
  /** What is in force; policies carry the uid and generation of their object. */
  readonly snapshot: () => Snapshot;
  readonly views: () => Iterable<ViewFacts>;
  readonly streams: () => readonly StreamFacts[];
  /** Namespaces that `discoverySelectors` leave out: policies there hold nowhere. */
  readonly hidden: () => ReadonlySet<string>;
  /** All findings, of whatever object; asked by the leader alone, at most twice a second. */
  readonly findings: () => readonly Finding[];
}

/** One proxy that refused something, with Envoy's words. */
export interface Refusal {
  /** `<pod>.<namespace>`. */
  readonly proxy: string;
  readonly words: string;
}

/** How far one policy has spread over the proxies of one replica, or of all. `pending` is what is left of `applied`. */
export interface Spread {
  /** `Kind/namespace/name`. */
  readonly key: string;
  readonly uid: string;
  /** Generation of the object that is in force, and that the numbers are about. */
  readonly generation: number;
  /** Proxies that it applies to. */
  readonly applied: number;
  /** Proxies that have acknowledged everything since it came. */
  readonly enforced: number;
  /** Proxies that have refused something which came with it, or after. */
  readonly rejected: number;
  /** Proxies that it selects, and where another of its kind holds in its place. */
  readonly overridden: number;
  /** Some of those that refused, by name. */
  readonly refusals: readonly Refusal[];
}

/** More refusals than this are only counted. */
export const maxRefusals = 3;
const maxWords = 256;

/** Some words as one line of bounded length: what a proxy says is written by whoever runs it. */
export function bounded(text: string, max = maxWords): string {
  const line = printable(text.replace(/[\s\p{Cc}]+/gu, ' ').trim());
  return line.length <= max ? line : `${line.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
