import type { TypeUrl } from '../model/ids.ts';
import type { Mode } from './encode.ts';
import type { Content, Layers } from './layers.ts';
import type { MessageParts } from './message-parts.ts';
import type { NameSet, NameSets } from './name-set.ts';
import type { ErrorDetail } from './request.ts';
import type { Subscription } from './subscription.ts';

/**
 * What a client holds of one type: a pointer to layers, not a list. It means "for all that is covered, what these layers
 * hold", but for the exceptions.
 */
export interface Held extends Subscription {
  readonly layers: Layers;
  /** Resources that differ from the layers: the version held, '' for none, undefined where it isn't known (after a NACK). */
  readonly exceptions: ReadonlyMap<string, string | undefined>;
  /** Resources that the layers have no more, and that the client was not told about yet: removals go last. */
  readonly leftovers: readonly string[];
}

/** A response that was not answered yet, and what the client holds once it accepts it. */
export interface InFlight {
  readonly payload: Payload;
  readonly target: Held;
}

/** What was last sent and how it was answered; kept for people, not for decisions. */
export interface Exchange {
  readonly sent: PayloadId | undefined;
  readonly acked: PayloadId | undefined;
  /** The last answer was a NACK; cleared by the next ACK. */
  readonly error: ErrorDetail | undefined;
}

/** Everything that a stream remembers of one type. */
export interface TypeState {
  readonly type: TypeUrl;
  readonly mode: Mode;
  readonly subscription: Subscription;
  readonly held: Held;
  readonly inFlight: InFlight | undefined;
  /** Parts of rejected responses, to be sent again on their own. */
  readonly retry: readonly (readonly string[])[];
  /** Names whose resources are sent again although the client holds them. */
  readonly refresh: NameSet;
  /** The client waits for an answer, even an empty one. */
  readonly owed: boolean;
  /** State of the world: the next request is answered in full, whatever it says (behaviour.md 7.3, AlwaysRespond). */
  readonly always: boolean;
  readonly exchange: Exchange;
}

/** What the rejected resources of one view and type are. Version '' stands for a removal. */
export interface ParkedNames {
  readonly size: number;
  has(name: string, version: string): boolean;
}

/** What there is to say of a response when its bytes are gone; one object for all who got it. */
export interface PayloadId {
  readonly nonce: string;
  readonly version: string;
  readonly resources: number;
}

/** One response, encoded at most once and sent to everybody who needs it: same bytes, same nonce. */
export interface Payload {
  readonly type: TypeUrl;
  readonly mode: Mode;
  readonly nonce: string;
  readonly version: string;
  readonly content: Content;
  readonly id: PayloadId;
  message(): MessageParts;
}

/** Makes payloads out of layers, each only once. Equal arguments give the same object, so to the reducer it's a pure function. */
export interface PayloadMaker {
  /** From one state to another, as far as the subscription covers it. */
  transition(arg: {
    readonly type: TypeUrl;
    readonly mode: Mode;
    readonly from: Layers;
    readonly to: Layers;
    readonly subscription: Subscription;
    readonly updatesOnly?: boolean;
  }): Payload;
  /** What these names stand for now, and the removal of the rest of them and of `removed`. */
  subset(arg: {
    readonly type: TypeUrl;
    readonly mode: Mode;
    readonly layers: Layers;
    readonly names: NameSet;
    readonly removed: NameSet;
    readonly updatesOnly?: boolean;
  }): Payload;
  /** All that the subscription covers: state of the world for LDS and CDS. */
  full(arg: { readonly type: TypeUrl; readonly layers: Layers; readonly subscription: Subscription }): Payload;
}

/** What the reducer may ask: tables of equal things, and nothing that acts. */
export interface StepEnv {
  readonly sets: NameSets;
  readonly payloads: PayloadMaker;
  readonly parked: ParkedNames;
  /** Largest number of names that one subscription may have. */
  readonly maxNames: number;
}

export function nothingHeld(sets: NameSets): Held {
  return { layers: [], wildcard: false, names: sets.empty, exceptions: noExceptions, leftovers: [] };
}

export const noExceptions: ReadonlyMap<string, string | undefined> = new Map();

export function newState(type: TypeUrl, mode: Mode, subscription: Subscription, sets: NameSets): TypeState {
  return {
    type,
    mode,
    subscription,
    held: nothingHeld(sets),
    inFlight: undefined,
    retry: [],
    refresh: sets.empty,
    owed: true,
    always: false,
    exchange: { sent: undefined, acked: undefined, error: undefined },
  };
}
