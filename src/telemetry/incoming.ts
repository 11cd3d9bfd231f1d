import { service } from '@envoyproxy/protos';
import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import type { MeshError } from '../lib/errors.ts';
import { type MountedService, statusOf } from '../lib/grpc.ts';
import { type Link, linkOf } from '../xds/connections.ts';
import type { Credentials } from '../xds/provider.ts';

/** A stream of log messages that a client opened, without its transport. */
export interface Incoming {
  readonly credentials: Credentials;
  /** The connection it came on, where that is known. */
  readonly link: Link | undefined;
  /** Starts to read. */
  listen(receive: (bytes: Buffer) => void): void;
  /** Ends it with a reason. */
  fail(error: MeshError): void;
  /** Ends it without an error: the client opens another when it has something to say. */
  finish(): void;
  /** Hears when the stream is over, whoever ended it. */
  over(listener: () => void): void;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const nothing = Buffer.alloc(0);

/** Envoy's access log service (envoy/service/accesslog/v3/als.proto), for a TLS port. Messages pass as bytes: some are never read. */
export function mountedLogs(open: (incoming: Incoming) => void): MountedService {
  const methods = service('envoy.service.accesslog.v3.AccessLogService');
  const bytes = {
    requestStream: true,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  return {
    definition: Object.fromEntries(methods.map(({ name, path }) => [name, { path, ...bytes }])),
    implementation: Object.fromEntries(
      methods.map(({ name }) => [
        name,
        (call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => open(incoming(call, answer)),
      ]),
    ),
  };
}

function incoming(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>): Incoming {
  const [authorization] = call.metadata.get('authorization');
  let answered = false;
  const end = (error: MeshError | undefined): void => {
    if (answered) return;
    answered = true;
    if (error === undefined) answer(null, nothing);
    else answer(statusOf(error));
    // What still comes is for nobody.
    call.resume();
  };
  call.on('error', () => undefined);
  return {
    credentials: {
      authorization: typeof authorization === 'string' ? authorization : '',
      certificate: call.getAuthContext().sslPeerCertificate?.raw,
      plaintext: false,
    },
    link: linkOf(call),
    listen(receive) {
      call.on('data', (bytes: Buffer) => {
        if (!answered) receive(bytes);
      });
    },
    fail: (error) => end(error),
    finish: () => end(undefined),
    over(listener) {
      call.once('cancelled', listener);
      call.once('end', () => {
        end(undefined);
        listener();
      });
    },
  };
}
