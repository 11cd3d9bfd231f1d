/**
 * A small external authorizer: it allows what carries `x-ext-authz: allow`. Over gRPC it is what Envoy's ext_authz filter asks
 * (envoy.service.auth.v3.Authorization/Check), over HTTP it answers a copy of the request itself. Connections, which carry no
 * header, are allowed with `--tcp allow`. Usage: ext-authz [--grpc 9000] [--http 8000] [--tcp deny]
 *
 * It speaks HTTP/2 and the few protobuf fields by itself, so that it runs wherever Node does.
 */
import { createServer } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    grpc: { type: 'string', default: '9000' },
    http: { type: 'string', default: '8000' },
    tcp: { type: 'string', default: 'deny' },
  },
});

/** What is asked of it. */
interface Check {
  /** Lower-case names; empty for a connection. */
  readonly headers: ReadonlyMap<string, string>;
  readonly path: string;
  readonly body: string;
}

interface Verdict {
  readonly allowed: boolean;
  /** For the application behind, or for the caller. */
  readonly headers: Readonly<Record<string, string>>;
}

async function decide({ headers, path, body }: Check): Promise<Verdict> {
  const wish = headers.get('x-ext-authz') ?? '';
  if (wish === 'slow') await setTimeout(5_000);
  const connection = headers.size === 0;
  const allowed = connection ? values.tcp === 'allow' : wish === 'allow';
  const about = { 'x-ext-authz-result': allowed ? 'allowed' : 'denied', 'x-ext-authz-path': path };
  return { allowed, headers: body === '' ? about : { ...about, 'x-ext-authz-body': String(Buffer.byteLength(body)) } };
}

const refusal = 'denied by ext_authz for not having the header "x-ext-authz: allow"\n';

createServer(async (request, response) => {
  const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  let body = '';
  for await (const chunk of request) body += chunk;
  const verdict = await decide({ headers, path: request.url ?? '', body });
  response.writeHead(verdict.allowed ? 200 : 403, {
    ...verdict.headers,
    'x-ext-authz-from': headers.get('x-from') ?? '',
  });
  response.end(verdict.allowed ? '' : refusal);
}).listen(Number(values.http));

createHttp2().on('stream', answerGrpc).listen(Number(values.grpc));

/** One unary call: a message of five bytes of head and a protobuf body each way, and the status behind it (gRPC over HTTP/2). */
async function answerGrpc(stream: ServerHttp2Stream): Promise<void> {
  stream.on('error', () => undefined);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const verdict = await decide(readCheck(Buffer.concat(chunks).subarray(5)));
  if (stream.destroyed) return;
  const message = writeVerdict(verdict);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.concat([head, message]));
}

/** CheckRequest → attributes (1) → request (4) → http (2): headers (3), path (4), body (11), raw_body (12). */
function readCheck(bytes: Buffer): Check {
  const within = (message: Buffer, field: number): Buffer =>
    fieldsOf(message).find(([number]) => number === field)?.[1] ?? empty;
  const http = within(within(within(bytes, 1), 4), 2);
  const text = (field: number): string => within(http, field).toString('utf8');
  const headers = fieldsOf(http)
    .filter(([number]) => number === 3)
    .map(([, entry]) => [within(entry, 1).toString('utf8'), within(entry, 2).toString('utf8')] as const);
  return { headers: new Map(headers), path: text(4), body: text(11) || text(12) };
}

const empty = Buffer.alloc(0);

/** The fields of a protobuf message that are texts, bytes or messages; numbers are passed over. */
function fieldsOf(message: Buffer): readonly (readonly [number: number, value: Buffer])[] {
  const found: (readonly [number, Buffer])[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 2) {
      const length = varint();
      found.push([field, message.subarray(at, at + length)]);
      at += length;
    } else if (type === 0) varint();
    else at += type === 1 ? 8 : 4;
  }
  return found;
}

/** CheckResponse: status (1), denied_response (2) or ok_response (3), each with its headers (2). */
function writeVerdict({ allowed, headers }: Verdict): Buffer {
  const options = Object.entries(headers).map(([key, value]) => block(2, block(1, block(1, key), block(2, value))));
  if (allowed) return Buffer.concat([block(1, empty), block(3, ...options)]);
  const forbidden = Buffer.from([0x08, 0x93, 0x03]);
  const permissionDenied = Buffer.from([0x08, 7]);
  return Buffer.concat([block(1, permissionDenied), block(2, block(1, forbidden), ...options, block(3, refusal))]);
}

/** A field whose content is these parts. */
function block(field: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length: number[] = [];
  for (let left = content.length; ; left = Math.floor(left / 128)) {
    length.push(left >= 128 ? (left % 128) + 128 : left);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length]), content]);
}
