import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { MeshError } from '../lib/errors.ts';
import {
  type Listening,
  listen,
  type MeshServerCredentials,
  type MountedService,
  serverOptions,
  statusOf,
} from '../lib/grpc.ts';
import { Admission, defaultAdmissionLimits } from './admission.ts';
import { Connections, defaultAgeLimits, linkOf, retire } from './connections.ts';
import { newCounters, type XdsCounters } from './counters.ts';
import { spreadLeaves } from './drain.ts';
import type { MessageParts } from './message-parts.ts';
import { type ParkedResource, Parking } from './nack.ts';
import { NameSets } from './name-set.ts';
import { Payloads } from './payload.ts';
import { defaultPushTiming, PushQueue } from './push-queue.ts';
import { Reception } from './reception.ts';
import { defaultSendLimits, SendBudget } from './send-budget.ts';
import type { XdsServer, XdsServerOptions } from './server-types.ts';
import { type XdsMethod, xdsServices } from './services.ts';
import type { ProxyStatus } from './status.ts';
import { XdsStream } from './stream.ts';
import { defaultStreamLimits, type Flushable, type StreamCall, type StreamShared } from './stream-types.ts';

/** How many different one-time log messages are told apart. */
const maxOnce = 4096;
const defaultMaxConnections = 8_000;
const lastTurns = 10;

/** Mounts the one xDS implementation as ADS and as per-type services (architecture, decision 12). */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  return new GrpcXdsServer(options);
}

class GrpcXdsServer implements XdsServer {
  readonly #options: XdsServerOptions;
  /** Each with where it listens. */
  readonly #servers = new Map<Server, Listening>();
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
    const listening = await listen(server, address, credentials, this.#options.maxConnections ?? defaultMaxConnections);
    this.#servers.set(server, listening);
    return listening.port;
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
      [...this.#servers].map(([server, listening]) => {
        const stopped = listening.stop();
        // Sends GOAWAY. It doesn't wait for connections that we handed over.
        server.tryShutdown(() => undefined);
        return stopped;
      }),
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
    // grpc-js writes the last words of each stream some turns later; they still go out.
    for (let turn = 0; turn < lastTurns; turn++) {
      await new Promise((done) => setImmediate(done));
    }
    for (const [server, listening] of this.#servers) {
      server.forceShutdown();
      listening.end();
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
