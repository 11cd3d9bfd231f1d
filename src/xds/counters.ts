import { type TypeUrl, typeUrl } from '../model/ids.ts';
import { shortTypeNames } from '../model/type-urls.ts';

/** Totals since the start, for metrics; read as a whole, written in one place each. */
export interface XdsCounters {
  /** Open streams now. */
  connected: number;
  opened: number;
  /** Streams refused at the door: no proof, a false claim, a node that can't be read. */
  refused: number;
  readonly pushes: Map<TypeUrl, number>;
  readonly rejects: Map<TypeUrl, number>;
  readonly unanswered: Map<TypeUrl, number>;
  staleNonces: number;
  sentBytes: number;
  sentResources: number;
  receivedBytes: number;
  /** Distinct responses encoded; far below the sum of pushes where clients share. */
  encodedPayloads: number;
  encodedBytes: number;
  /** Turns given to streams by the push queue: what a change touched. */
  streamsTouched: number;
  /** Streams whose bytes didn't leave in time; ended ones among them. */
  slow: number;
  stalled: number;
  /** Streams sent elsewhere: no room, or too many at once. */
  turnedAwayFull: number;
  turnedAwayBusy: number;
  /** Connections that were ended because they were old. */
  aged: number;
  /** No further stream is taken in now. */
  full: boolean;
  /** The server lets go of its clients. */
  draining: boolean;
}

export function newCounters(): XdsCounters {
  return {
    connected: 0,
    opened: 0,
    refused: 0,
    pushes: new Map(),
    rejects: new Map(),
    unanswered: new Map(),
    staleNonces: 0,
    sentBytes: 0,
    sentResources: 0,
    receivedBytes: 0,
    encodedPayloads: 0,
    encodedBytes: 0,
    streamsTouched: 0,
    slow: 0,
    stalled: 0,
    turnedAwayFull: 0,
    turnedAwayBusy: 0,
    aged: 0,
    full: false,
    draining: false,
  };
}

/** Types that we don't serve have one counter: a client may name any, and must not fill our memory with them. */
export const otherTypes = typeUrl('other');

export function count(map: Map<TypeUrl, number>, type: TypeUrl, by = 1): void {
  const known = Object.hasOwn(shortTypeNames, type) ? type : otherTypes;
  map.set(known, (map.get(known) ?? 0) + by);
}
