import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Mode } from './encode.ts';
import type { Peer } from './provider.ts';
import type { PayloadId, TypeState } from './state.ts';

/** ERROR: the last response was refused. STALE: not acknowledged yet. NOT_SENT: asked for, nothing sent (behaviour.md 7.8). */
export type SyncState = 'SYNCED' | 'STALE' | 'NOT_SENT' | 'ERROR';

/** Where one type of one stream stands. */
export interface TypeStatus {
  readonly type: TypeUrl;
  readonly state: SyncState;
  readonly wildcard: boolean;
  /** Names subscribed to. */
  readonly names: number;
  readonly sent: PayloadId | undefined;
  readonly acked: PayloadId | undefined;
  /** Envoy's words about the last refused response; '' without one. */
  readonly error: string;
  /** When it was last sent, acknowledged or refused; ms since the epoch. */
  readonly since: number;
}

/** One open stream. A proxy that uses the per-type services has several. */
export interface ProxyStatus {
  /** `<node id>-<number of the stream>`. */
  readonly connection: string;
  readonly proxy: Proxy;
  readonly view: ViewId;
  readonly mode: Mode;
  readonly aggregated: boolean;
  readonly provenBy: Extract<Peer, { kind: 'proven' }>['by'] | 'nothing';
  /** Version of the Envoy, `1.40.0`; '' where it doesn't say. */
  readonly envoy: string;
  /** ms since the epoch. */
  readonly connectedAt: number;
  readonly types: readonly TypeStatus[];
}

/** Summarises a type's state. `pending`: a change waits for its turn. */
export function typeStatus(state: TypeState, pending: boolean, since: number): TypeStatus {
  const { exchange, subscription } = state;
  const { sent, acked, error } = exchange;
  return {
    type: state.type,
    state: syncState(state, pending),
    wildcard: subscription.wildcard,
    names: subscription.names.names.size,
    sent,
    acked,
    error: error?.message ?? '',
    since,
  };
}

function syncState(state: TypeState, pending: boolean): SyncState {
  if (state.exchange.error !== undefined) {
    return 'ERROR';
  }
  if (state.inFlight !== undefined || pending || state.held.exceptions.size > 0) {
    return 'STALE';
  }
  // After a reconnect with current versions nothing is sent, and that is in sync.
  const holds = state.held.layers.length > 0;
  return state.exchange.sent === undefined && !holds ? 'NOT_SENT' : 'SYNCED';
}
