import { connect } from 'node:http2';
import type { Answer } from './answer.ts';

const path = '/grpc.health.v1.Health/Check';
const serving = 1;

/** One call of the standard health service (grpc/health/v1), in plaintext, as the kubelet makes it. */
export async function grpcHealth(host: string, port: number, service: string, timeoutMs: number): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const fail = (message: string): void => resolve({ ok: false, message });
  const session = connect(`http://${host}:${port}`);
  const timer = setTimeout(() => fail('no answer in time'), timeoutMs);
  session.on('error', (error) => fail(error.message));
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const parts: Buffer[] = [];
  let status = '0';
  stream.on('error', (error) => fail(error.message));
  stream.on('response', (headers) => {
    status = String(headers['grpc-status'] ?? '0');
  });
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status'] ?? status);
  });
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  stream.on('end', () => {
    if (status !== '0') return fail(`gRPC status ${status}`);
    const found = servingStatus(Buffer.concat(parts));
    resolve({ ok: found === serving, message: found === serving ? '' : `service is not serving (${found})` });
  });
  stream.end(healthRequest(service));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    session.destroy();
  }
}

/** HealthCheckRequest { string service = 1 }, in a gRPC frame. Names of services are shorter than 128 bytes. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** HealthCheckResponse { ServingStatus status = 1 } in a gRPC frame; 0, unknown, where it is absent. */
function servingStatus(frame: Buffer): number {
  return frame.length >= 7 && frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
}
