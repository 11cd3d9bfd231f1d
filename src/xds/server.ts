import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { bind, type MeshServerCredentials, type MountedService, serverOptions, statusOf } from '../lib/grpc.ts';
import type { Logger } from '../lib/log.ts';
import { newCounters, type XdsCounters } from './counters.ts';
import type { MessageParts } from './message-parts.ts';
import { type ParkedResource, Parking } from './nack.ts';
import { NameSets } from './name-set.ts';
import { Payloads } from './payload.ts';
import type { Authenticator, ConfigProvider } from './provider.ts';
import { defaultPushTiming, PushQueue, type PushTiming } from './push-queue.ts';
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
  /** Hears how long a change took until a client had acknowledged all of it: for metrics. */
  readonly converged?: (ms: number) => void;
  /** Shown to clients as ControlPlane.identifier: which replica answered. */
  readonly identifier?: string;
  readonly timing?: PushTiming;
  readonly sendLimits?: SendLimits;
  readonly streamLimits?: StreamLimits;
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
  #nextStream = 1;
  #closing: Promise<void> | undefined;

  constructor(options: XdsServerOptions) {
    this.#options = options;
    const { provider, authenticator, clock, log } = options;
    const said = new Set<string>();
    const counters = newCounters();
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
      limits: options.streamLimits ?? defaultStreamLimits,
      converged: options.converged ?? (() => undefined),
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
    return { ...this.#shared.counters, connected: this.#streams.size, encodedPayloads: encoded, encodedBytes };
  }

  async #listen(
    address: string,
    credentials: ServerCredentials,
    plaintext: boolean,
    services: readonly MountedService[],
  ): Promise<number> {
    if (this.#closing !== undefined) {
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
    this.#shared.counters.opened++;
    this.#streams.add(stream);
    const over = (): void => {
      this.#streams.delete(stream);
      stream.close();
    };
    call.on('cancelled', over);
    call.on('error', over);
    call.on('end', () => {
      over();
      call.end();
    });
    if (this.#closing !== undefined) {
      stream.end(shuttingDown());
      return;
    }
    stream.authenticate().then(
      (mayGoOn) => {
        if (mayGoOn) {
          call.on('data', (bytes: Buffer) => stream.receive(bytes));
        } else {
          call.resume();
        }
      },
      (thrown: unknown) => stream.end(MeshError.from(thrown)),
    );
  }

  async #close(graceMs: number): Promise<void> {
    const closed = [...this.#servers].map(
      (server) => new Promise<void>((resolve) => server.tryShutdown(() => resolve())),
    );
    this.#shared.queue[Symbol.dispose]();
    for (const stream of this.#streams) {
      stream.end(shuttingDown());
    }
    const late = Promise.withResolvers<void>();
    using _timer = this.#shared.clock.after(graceMs, () => late.resolve());
    await Promise.race([Promise.all(closed), late.promise]);
    for (const server of this.#servers) {
      server.forceShutdown();
    }
    this.#servers.clear();
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
  };
}

function isLoopback(address: string): boolean {
  const host = /^\[?([^\]]*)\]?:\d+$/.exec(address)?.[1] ?? '';
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
