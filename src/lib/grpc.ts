import type { SecureServerOptions } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import {
  type ChannelOptions,
  type Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { MeshError, type MeshErrorCode } from './errors.ts';
import { boundConnections } from './guests.ts';

/** A service that another part of the program wants on the same port. */
export interface MountedService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/**
 * TLS for our servers: asks for a client certificate without demanding one (a token may prove the caller instead), and takes
 * new keys while it runs. grpc-js's own `createSsl` can do neither (libraries.md 2.4). A client certificate that no root
 * of ours signed is no certificate: grpc-js shows none then.
 */
export class MeshServerCredentials extends ServerCredentials {
  constructor(keys: SecureContextOptions) {
    const options: SecureServerOptions = { requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' };
    super(options, keys);
  }

  /** New handshakes get the new keys; open connections stay. The pair must fit, or new connections would fail. */
  rotate(keys: SecureContextOptions): void {
    this.updateSecureContextOptions(keys);
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** Options that all our servers share: no channelz (a sixth of the throughput), dead peers are noticed, sizes are bounded. */
export function serverOptions(limits: {
  readonly maxMessageBytes: number;
  readonly maxStreamsPerConnection: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}): ChannelOptions {
  return {
    'grpc.enable_channelz': 0,
    // A connection without a stream proves nothing and costs a socket.
    'grpc.max_connection_idle_ms': 60_000,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': limits.maxStreamsPerConnection,
  };
}

/**
 * Serializes a message that is encoded already, in pieces. grpc-js (1.14.7) asks of a serialized message its `byteLength`, and has it
 * `copy` itself behind the five bytes of the frame's head: that copy is the only one then. A protocol test holds grpc-js to it.
 */
export function serializeParts(
  message: Pick<Buffer, 'byteLength'> & { copy(target: Uint8Array, start: number): number },
) {
  return message as Buffer;
}

/** Where a server listens. */
export interface Listening {
  readonly port: number;
  /** Takes no connection any more; open ones stay. Resolves when the last of them is gone. */
  stop(): Promise<void>;
  /** Ends the open ones, too, also those that never came so far as to speak gRPC. */
  end(): void;
}

/** The kernel's own bound on Linux (`net.core.somaxconn`); Node would ask for 511, too few where a thousand come at once. */
const backlog = 4096;

/**
 * Binds a server. The socket is ours and hands its connections over, because grpc-js can bound neither how many there are nor how
 * many wait. `most`: with more, whoever has the most of them loses their oldest. Throws MeshError `unavailable`.
 */
export async function listen(
  server: Server,
  address: string,
  credentials: ServerCredentials,
  most: number,
): Promise<Listening> {
  const { host, port } = addressOf(address);
  const injector = server.createConnectionInjector(credentials);
  const open = new Set<Socket>();
  const door = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined); // a connection that broke is the business of whoever spoke on it
    injector.injectConnection(socket);
  });
  boundConnections(door, most);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  door.once('error', reject);
  door.listen({ host, port, backlog }, resolve);
  try {
    await promise;
  } catch (thrown) {
    throw new MeshError('unavailable', `can't listen on ${address}: ${MeshError.from(thrown).message}`, {
      cause: thrown,
    });
  }
  door.off('error', reject);
  const bound = door.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    async stop() {
      const closed = new Promise<void>((done) => door.once('close', done));
      door.close();
      await closed;
    },
    end() {
      // What was written last still goes out.
      for (const socket of open) socket.destroySoon();
    },
  };
}

/** `HOST:PORT` or `[IPv6]:PORT`. */
function addressOf(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(address) ?? [];
  return { host, port: Number(port) };
}

const statusByCode: Readonly<Record<MeshErrorCode, status>> = {
  'bad-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  unavailable: status.UNAVAILABLE,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  conflict: status.ABORTED,
  gone: status.OUT_OF_RANGE,
  'missing-tool': status.INTERNAL,
  internal: status.INTERNAL,
};

/** What a failure looks like to the peer. The text of a bug of ours stays here: it may say more than a stranger should know. */
export function statusOf(error: MeshError): { readonly code: status; readonly details: string } {
  const code = statusByCode[error.code];
  return { code, details: code === status.INTERNAL ? 'internal error' : error.message };
}
