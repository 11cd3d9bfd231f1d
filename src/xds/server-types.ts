import type { Clock } from '../lib/clock.ts';
import type { MeshServerCredentials, MountedService } from '../lib/grpc.ts';
import type { Logger } from '../lib/log.ts';
import type { AdmissionLimits } from './admission.ts';
import type { XdsCounters } from './counters.ts';
import type { ParkedResource } from './nack.ts';
import type { Authenticator, ConfigProvider } from './provider.ts';
import type { PushTiming } from './push-queue.ts';
import type { SendLimits } from './send-budget.ts';
import type { ProxyStatus } from './status.ts';
import type { StreamLimits } from './stream-types.ts';

/** What a server is made of; everything that has a default may be left out. */
export interface XdsServerOptions {
  readonly provider: ConfigProvider;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Logger;
  /** Draws from [0, 1): how old each connection gets, and who leaves first when the server drains. */
  readonly random?: () => number;
  /** Hears how long a change took until a client had acknowledged all of it: for metrics. */
  readonly converged?: (ms: number) => void;
  /** Number of the configuration that is compiled now, growing: says in `status()` up to where a client has acknowledged. */
  readonly generation?: () => number;
  /** Hears that `status()` may say something else: called often, so it must be cheap. */
  readonly moved?: () => void;
  /** Shown to clients as ControlPlane.identifier: which replica answered. */
  readonly identifier?: string;
  readonly timing?: PushTiming;
  readonly sendLimits?: SendLimits;
  readonly streamLimits?: Partial<StreamLimits>;
  /** Streams that this replica takes, 0 for any number; one more is sent elsewhere. {@link defaultAdmissionLimits} without it. */
  readonly maxStreams?: number;
  /**
   * Open connections of each address that is listened on; 8,000 without it (66 kB each while they say nothing, measured). Beyond it,
   * whoever has the most of them loses their oldest: nobody can shut others out.
   */
  readonly maxConnections?: number;
  /** How fast new streams are taken. */
  readonly admission?: Partial<Omit<AdmissionLimits, 'maxStreams'>>;
  /**
   * When a connection ends so that its client finds a replica anew, within a tenth either way; 0 for never.
   * {@link defaultAgeLimits} without it.
   */
  readonly maxConnectionAgeMs?: number;
  readonly maxMessageBytes?: number;
  readonly maxStreamsPerConnection?: number;
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
}

/** Serves xDS on any number of addresses. */
export interface XdsServer extends AsyncDisposable {
  /** Resolves to the port. `services` are mounted beside ours (the CSR service has the same port). */
  listenTls(address: string, credentials: MeshServerCredentials, services?: readonly MountedService[]): Promise<number>;
  /** Plaintext; refused for any address that others can reach. */
  listenInsecure(address: string): Promise<number>;
  /**
   * Hands the clients over to the other replicas: takes no connection and no stream any more, tells all clients at once to open
   * the next one elsewhere (GOAWAY), and ends the streams without an error, spread over the time, each when what it was sent is
   * acknowledged. Changes go on being served until then. Resolves when all are gone, or after `graceMs`; call `close` after it.
   * Whoever sends new clients here should stop doing so before this is called.
   */
  drain(graceMs: number): Promise<void>;
  /** Takes no new streams, tells the open ones to go elsewhere, and cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
  status(): readonly ProxyStatus[];
  parked(): readonly ParkedResource[];
  counters(): XdsCounters;
}
