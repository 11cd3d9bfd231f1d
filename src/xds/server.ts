import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { bind, type MeshServerCredentials, type MountedService, serverOptions, statusOf } from '../lib/grpc.ts';
import type { Logger } from '../lib/log.ts';
import { Admission, type AdmissionLimits, defaultAdmissionLimits } from './admission.ts';
import { Connections, defaultAgeLimits, linkOf, retire } from './connections.ts';
import { newCounters, type XdsCounters } from './counters.ts';
import { spreadLeaves } from './drain.ts';
import type { MessageParts } from './message-parts.ts';
import { type ParkedResource, Parking } from './nack.ts';
import { NameSets } from './name-set.ts';
import { Payloads } from './payload.ts';
import type { Authenticator, ConfigProvider } from './provider.ts';
import { defaultPushTiming, PushQueue, type PushTiming } from './push-queue.ts';
import { Reception } from './reception.ts';
import { defaultSendLimits, SendBudget, type SendLimits } from './send-budget.ts';
import { type XdsMethod, xdsServices } from './services.ts';
import type { ProxyStatus } from './status.ts';
import { XdsStream } from './stream.ts';
import {
  defaultStreamLimits,
  type Flushable,
  type StreamCall,
  type StreamLimits,
  type StreamShared,
} from './stream-types.ts';

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

/** How many different one-time log messages are told apart. */
const maxOnce = 4096;

/** Mounts the one xDS implementation as ADS and as per-type services (architecture, decision 12). */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  return new GrpcXdsServer(options);
}

class GrpcXdsServer implements XdsServer {
  readonly #options: XdsServerOptions;
  readonly #servers = new Set<Server>();
  readonly #streams = new Set<XdsStream>();
  readonly #shared: StreamShared;
  readonly #admission: Admission;
  readonly #connections: Connections;
  readonly #reception: Reception;
  readonly #random: () => number;
  #nextStream = 1;
  /** Resolves when all connections are gone; undefined while new ones are taken. */
  #emptied: Promise<unknown> | undefined;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: XdsServerOptions) {
    this.#options = options;
    const { provider, authenticator, clock, log } = options;
    const said = new Set<string>();
    const counters = newCounters();
    this.#random = options.random ?? Math.random;
    const { maxStreams = defaultAdmissionLimits.maxStreams, maxConnectionAgeMs = defaultAgeLimits.maxAgeMs } = options;
    this.#admission = new Admission(clock, { ...defaultAdmissionLimits, ...options.admission, maxStreams });
    this.#connections = new Connections(
      clock,
      this.#random,
      { ...defaultAgeLimits, maxAgeMs: maxConnectionAgeMs },
      () => {
        counters.aged++;
      },
    );
    this.#reception = new Reception(this.#admission, this.#connections, counters, clock);
    this.#shared = {
      provider,
      authenticator,
      clock,
      log,
      sets: new NameSets(),
      payloads: new Payloads({
        identifier: options.identifier ?? 'coxswain',
        noncePrefix: `${randomBytes(4).toString('hex')}-`,
      }),
      parking: new Parking(),
      budget: new SendBudget(clock, options.sendLimits ?? defaultSendLimits),
      queue: new PushQueue<Flushable>(clock, options.timing ?? defaultPushTiming, (stream) => {
        counters.streamsTouched++;
        stream.flush();
      }),
      counters,
      limits: { ...defaultStreamLimits, ...options.streamLimits },
      converged: options.converged ?? (() => undefined),
      generation: options.generation ?? (() => 0),
      moved: options.moved ?? (() => undefined),
      once: (what) => said.size < maxOnce && !said.has(what) && said.add(what) === said,
    };
  }

  listenTls(
    address: string,
    credentials: MeshServerCredentials,
    services: readonly MountedService[] = [],
  ): Promise<number> {
    return this.#listen(address, credentials, false, services);
  }

  async listenInsecure(address: string): Promise<number> {
    if (!isLoopback(address)) {
      throw new MeshError('bad-argument', `plaintext xDS is for loopback addresses only, not ${address}`, {
        hint: 'use 127.0.0.1:<port> or [::1]:<port>',
      });
    }
    return await this.#listen(address, ServerCredentials.createInsecure(), true, []);
  }

  drain(graceMs: number): Promise<void> {
    this.#draining ??= this.#drain(graceMs);
    return this.#draining;
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(0);
  }

  status(): readonly ProxyStatus[] {
    return [...this.#streams].flatMap((stream) => stream.status() ?? []);
  }

  parked(): readonly ParkedResource[] {
    return this.#shared.parking.list();
  }

  counters(): XdsCounters {
    const { encoded, encodedBytes } = this.#shared.payloads.counters;
    return {
      ...this.#shared.counters,
      connected: this.#streams.size,
      encodedPayloads: encoded,
      encodedBytes,
      full: this.#admission.full,
      draining: this.#emptied !== undefined,
    };
  }

  async #listen(
    address: string,
    credentials: ServerCredentials,
    plaintext: boolean,
    services: readonly MountedService[],
  ): Promise<number> {
    if (this.#emptied !== undefined) {
      throw new MeshError('unavailable', 'xds server is closed');
    }
    const server = new Server(
      serverOptions({
        maxMessageBytes: this.#options.maxMessageBytes ?? 4 * 1024 * 1024,
        maxStreamsPerConnection: this.#options.maxStreamsPerConnection ?? 64,
        keepaliveMs: this.#options.keepaliveMs ?? 30_000,
        keepaliveTimeoutMs: this.#options.keepaliveTimeoutMs ?? 10_000,
      }),
    );
    for (const { definition, methods } of xdsServices()) {
      const implementation = Object.fromEntries(
        methods.map((method) => [
          method.name,
          (call: ServerDuplexStream<Buffer, MessageParts>) => this.#open(call, method, plaintext),
        ]),
      );
      server.addService(definition, implementation);
    }
    for (const { definition, implementation } of services) {
      server.addService(definition, implementation);
    }
    const port = await bind(server, address, credentials);
    this.#servers.add(server);
    return port;
  }

  #open(call: ServerDuplexStream<Buffer, MessageParts>, method: XdsMethod, plaintext: boolean): void {
    const stream = new XdsStream(this.#shared, streamCall(call, method, plaintext), this.#nextStream++);
    const held = new DisposableStack();
    this.#shared.counters.opened++;
    this.#streams.add(stream);
    held.defer(() => this.#streams.delete(stream));
    const over = (): void => {
      held.dispose();
      stream.close();
    };
    call.on('cancelled', over);
    call.on('error', over);
    call.on('end', () => {
      over();
      call.end();
    });
    const link = linkOf(call);
    if (this.#emptied !== undefined) {
      // Its handshake was not over when everybody else was told to go.
      stream.end(shuttingDown());
      if (link !== undefined) {
        retire(link);
      }
      return;
    }
    this.#reception.receive({
      stream,
      link,
      held,
      listen: () => {
        call.on('data', (bytes: Buffer) => stream.receive(bytes));
      },
      discard: () => {
        call.resume();
      },
    });
  }

  /** Stops to listen, and sends GOAWAY on every connection; resolves when the last of them is closed. */
  #empty(): Promise<unknown> {
    this.#emptied ??= Promise.all(
      [...this.#servers].map((server) => new Promise<void>((resolve) => server.tryShutdown(() => resolve()))),
    );
    return this.#emptied;
  }

  async #drain(graceMs: number): Promise<void> {
    const { clock, log } = this.#shared;
    const emptied = this.#empty();
    log.info({ streams: this.#streams.size, graceMs }, 'xds server drains');
    using _leaves = spreadLeaves([...this.#streams], { graceMs, clock, random: this.#random });
    await this.#within(emptied, graceMs);
  }

  async #close(graceMs: number): Promise<void> {
    const emptied = this.#empty();
    this.#shared.queue[Symbol.dispose]();
    this.#connections[Symbol.dispose]();
    for (const stream of this.#streams) {
      stream.end(shuttingDown());
    }
    await this.#within(emptied, graceMs);
    for (const server of this.#servers) {
      server.forceShutdown();
    }
    this.#servers.clear();
  }

  async #within(done: Promise<unknown>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _timer = this.#shared.clock.after(ms, () => late.resolve());
    await Promise.race([done, late.promise]);
  }
}

const shuttingDown = (): MeshError => new MeshError('unavailable', 'server is shutting down');

function streamCall(call: ServerDuplexStream<Buffer, MessageParts>, method: XdsMethod, plaintext: boolean): StreamCall {
  const [authorization] = call.metadata.get('authorization');
  return {
    mode: method.mode,
    onlyType: method.onlyType,
    credentials: {
      authorization: typeof authorization === 'string' ? authorization : '',
      certificate: plaintext ? undefined : call.getAuthContext().sslPeerCertificate?.raw,
      plaintext,
    },
    write: (message, flushed) => {
      call.write(message, flushed);
    },
    end: (error) => {
      call.emit('error', statusOf(error));
    },
    finish: () => {
      call.end();
    },
  };
}

function isLoopback(address: string): boolean {
  const host = /^\[?([^\]]*)\]?:\d+$/.exec(address)?.[1] ?? '';
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
