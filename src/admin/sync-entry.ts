import { proxyName } from '../model/proxy.ts';
import { shortTypeNames } from '../model/type-urls.ts';
import type { ProxyStatus, TypeStatus } from './sources.ts';

/** One type of a stream as `/debug/syncz` shows it. */
export interface SyncType {
  /** CDS, EDS, LDS, RDS, VHDS, ECDS, SDS. */
  readonly type: string;
  readonly state: 'SYNCED' | 'STALE' | 'NOT SENT' | 'ERROR';
  /** ISO 8601; '' where it isn't known. */
  readonly since: string;
  readonly wildcard: boolean;
  readonly names: number;
  /** Resources in the last response. */
  readonly resources: number;
  /** Version of the last response, and of the last that was acknowledged; '' before the first. */
  readonly sent: string;
  readonly acknowledged: string;
  /** Envoy's words; '' unless it refused. */
  readonly error: string;
}

/** One stream as `/debug/syncz` shows it: the form that `coxswain proxy-status` reads. */
export interface SyncEntry {
  /** `<pod>.<namespace>`. */
  readonly name: string;
  readonly namespace: string;
  readonly id: string;
  readonly connection: string;
  readonly serviceAccount: string;
  readonly provenBy: string;
  readonly view: string;
  readonly mode: 'delta' | 'sotw';
  readonly aggregated: boolean;
  readonly envoy: string;
  /** ISO 8601. */
  readonly connectedAt: string;
  readonly types: readonly SyncType[];
}

export function syncEntry(status: ProxyStatus): SyncEntry {
  const { proxy, connection, provenBy, view, mode, aggregated, envoy, connectedAt, types } = status;
  return {
    name: proxyName(proxy),
    namespace: proxy.namespace,
    id: proxy.id,
    connection,
    serviceAccount: proxy.serviceAccount,
    provenBy,
    view,
    mode,
    aggregated,
    envoy: envoy ?? '',
    connectedAt: new Date(connectedAt).toISOString(),
    types: types.map(syncType),
  };
}

function syncType({ type, state, wildcard, names, sent, acked, error, since }: TypeStatus): SyncType {
  return {
    type: shortTypeNames[type] ?? type,
    state: state === 'NOT_SENT' ? 'NOT SENT' : state,
    since: since === undefined ? '' : new Date(since).toISOString(),
    wildcard,
    names,
    resources: sent?.resources ?? 0,
    sent: sent?.version ?? '',
    acknowledged: acked?.version ?? '',
    error,
  };
}
