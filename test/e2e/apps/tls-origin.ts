/**
 * TLS servers that are in no mesh, with certificates that they were given: a line of JSON on standard input, a list of
 * `{port, certificate, key, clients}`; with `clients`, authorities in PEM, a server demands a certificate of theirs. Answers HTTP (of
 * whichever version was agreed on) with `{name, protocol, client}`: the name that was sent, and the client's common name.
 * Says `ready` when all listen.
 */
import { once } from 'node:events';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createInterface } from 'node:readline';
import { TLSSocket } from 'node:tls';

interface Origin {
  readonly port: number;
  readonly certificate: string;
  readonly key: string;
  readonly clients?: string;
}

function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  const socket = request.httpVersionMajor === 1 ? request.socket : request.stream.session?.socket;
  const { servername, alpnProtocol } = socket instanceof TLSSocket ? socket : {};
  const peer = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
  const body = JSON.stringify({
    name: typeof servername === 'string' ? servername : '',
    protocol: alpnProtocol || 'none',
    client: peer?.subject?.CN ?? '',
  });
  // Each call makes a connection of its own, so that it shows what holds now.
  if (request.httpVersionMajor === 1) response.setHeader('connection', 'close');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
  request.resume();
}

async function listen({ port, certificate, key, clients }: Origin): Promise<void> {
  const asked = clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true };
  const server = createSecureServer({ cert: certificate, key, allowHTTP1: true, ...asked }, answer);
  server.on('tlsClientError', () => undefined);
  server.on('sessionError', () => undefined);
  await once(server.listen(port), 'listening');
}

const { value: line = '' } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
const origins: readonly Origin[] = JSON.parse(line);
await Promise.all(origins.map(listen));
process.stdout.write('ready\n');
