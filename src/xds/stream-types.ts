import type { Clock } from '../lib/clock.ts';
import type { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { TypeUrl } from '../model/ids.ts';
import type { XdsCounters } from './counters.ts';
import type { Mode } from './encode.ts';
import type { MessageParts } from './message-parts.ts';
import type { Parking } from './nack.ts';
import type { NameSets } from './name-set.ts';
import type { Payloads } from './payload.ts';
import type { Authenticator, ConfigProvider, Credentials } from './provider.ts';
import type { PushQueue } from './push-queue.ts';
import type { SendBudget } from './send-budget.ts';

/** The transport of one stream, as the protocol needs it. */
export interface StreamCall {
  readonly mode: Mode;
  /** The one type of a per-type service; undefined on ADS. */
  readonly onlyType: TypeUrl | undefined;
  readonly credentials: Credentials;
  write(message: MessageParts, flushed: () => void): void;
  /** Ends the stream with an error. */
  end(error: MeshError): void;
  /** Ends the stream without one, after what was written. */
  finish(): void;
}

/** Bounds on what one client may cost. */
export interface StreamLimits {
  readonly maxNames: number;
  readonly maxTypes: number;
  /** A stream that says nothing for so long at its start is ended. */
  readonly firstRequestMs: number;
  /** A stream that is to leave may finish what has begun for so long. */
  readonly leaveMs: number;
}

export const defaultStreamLimits: StreamLimits = {
  maxNames: 65_536,
  maxTypes: 32,
  firstRequestMs: 30_000,
  leaveMs: 2_000,
};

/** What the push queue serves. */
export interface Flushable {
  flush(): void;
}

/** What all streams of a server have in common. */
export interface StreamShared {
  readonly provider: ConfigProvider;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sets: NameSets;
  readonly payloads: Payloads;
  readonly parking: Parking;
  readonly budget: SendBudget;
  readonly queue: PushQueue<Flushable>;
  readonly counters: XdsCounters;
  readonly limits: StreamLimits;
  /** Whether this is said for the first time. */
  once(what: string): boolean;
  /** A client has acknowledged all that a change meant for it, so many ms after the change. */
  converged(ms: number): void;
  /** Number of the configuration that is compiled now. */
  generation(): number;
  /** A stream came, went, acknowledged or refused something. */
  moved(): void;
}
