import { type ClientHttp2Stream, connect } from 'node:http2';
import { encode } from '@envoyproxy/protos';
import type { DeltaRequest } from './xds-grpc.ts';

/**
 * A delta stream whose client never reads: no window of its stream opens again, so the server gets rid of 64 KiB and
 * no more. A gRPC client can't do that, because it takes in the message that has begun.
 */
export class DeafClient implements Disposable {
  readonly #session;
  readonly #stream: ClientHttp2Stream;

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`);
    this.#session.on('error', () => undefined);
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.#stream.on('error', () => undefined);
  }

  send(request: DeltaRequest): void {
    const body = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request);
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, 5);
    this.#stream.write(frame);
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}
