import type { SecureServerOptions } from 'node:http2';
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
    'grpc.max_connection_idle_ms': 300_000,
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

/** Binds a server; resolves to the port, which is another one where `:0` was asked for. */
export function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) {
        resolve(port);
      } else {
        reject(new MeshError('unavailable', `can't listen on ${address}: ${error.message}`, { cause: error }));
      }
    });
  });
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
