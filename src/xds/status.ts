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
  /** The client has acknowledged all of this type up to this generation of the configuration (`XdsServerOptions.generation`). */
  readonly generation: number;
  /** Envoy's words about what it was sent and doesn't hold, though other parts may be acknowledged since; '' without any. */
  readonly refused: string;
}

/** What a stream remembers of a type beside the protocol's own state. */
export interface TypeNotes {
  /** A change waits for its turn. */
  readonly pending: boolean;
  readonly since: number;
  /** Generation of the configuration now. */
  readonly generation: number;
  /** Generation that was known to be acknowledged when the type was last in sync, or since. */
  readonly reached: number;
  /** Envoy's last words about a resource of this type that it refused. */
  readonly words: string;
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

/** Summarises a type's state. */
export function typeStatus(state: TypeState, notes: TypeNotes): TypeStatus {
  const { exchange, subscription } = state;
  const { sent, acked, error } = exchange;
  const sync = syncState(state, notes.pending);
  return {
    type: state.type,
    state: sync,
    wildcard: subscription.wildcard,
    names: subscription.names.names.size,
    sent,
    acked,
    error: error?.message ?? '',
    since: notes.since,
    generation: settled(state, notes.pending) ? notes.generation : notes.reached,
    refused: error?.message ?? (state.held.exceptions.size > 0 ? notes.words : ''),
  };
}

/** Whether an acknowledgement covers all that the response's generation has of this type: nothing was held back or split off. */
export function whole({ held, retry, exchange }: TypeState): boolean {
  return (
    exchange.error === undefined && retry.length === 0 && held.exceptions.size === 0 && held.leftovers.length === 0
  );
}

/** Nothing of this type is under way or to come. */
export function settled(state: TypeState, pending: boolean): boolean {
  const sync = syncState(state, pending);
  return sync === 'SYNCED' || sync === 'NOT_SENT';
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
