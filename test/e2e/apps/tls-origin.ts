/**
 * A TLS server that is in no mesh, with certificates that it was given: a line of JSON on standard input,
 * `{port, certificate, key, clients}`; with `clients`, authorities in PEM, it demands a certificate of theirs. Answers HTTP (of
 * whichever version was agreed on) with `{name, protocol, client}`: the name that was sent, and the client's common name.
 * Says `ready` when it listens.
 */
import { createSecureServer } from 'node:http2';
import { createInterface } from 'node:readline';
import type { TLSSocket } from 'node:tls';

const { value: line = '' } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
const {
  port,
  certificate,
  key,
  clients,
}: { readonly port: number; readonly certificate: string; readonly key: string; readonly clients?: string } =
  JSON.parse(line);
const server = createSecureServer(
  {
    cert: certificate,
    key,
    allowHTTP1: true,
    ...(clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true }),
  },
  (request, response) => {
    const socket = request.stream?.session?.socket ?? request.socket;
    const { servername, alpnProtocol } = socket as TLSSocket;
    const peer = (socket as TLSSocket).getPeerCertificate();
    const body = JSON.stringify({
      name: servername || '',
      protocol: alpnProtocol || 'none',
      client: peer?.subject?.CN ?? '',
    });
    // Each call makes a connection of its own, so that it shows what holds now.
    if (request.httpVersionMajor === 1) response.setHeader('connection', 'close');
    response.setHeader('content-length', Buffer.byteLength(body));
    response.end(body);
  },
);
server.on('tlsClientError', () => undefined);
server.listen(port, () => process.stdout.write('ready\n'));
