/**
 * The server of the end-to-end tests: HTTP that tells what it received, TCP and TLS that answer each chunk with
 * `heard <chunk>`. Usage: server [--http PORT]... [--tcp PORT]... [--tls PORT]...
 */
import { execFileSync } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createTcp, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { parseArgs } from 'node:util';

const ports = { type: 'string', multiple: true, default: [] as string[] } as const;
const { values } = parseArgs({ options: { http: ports, tcp: ports, tls: ports } });

const http = createHttp((request, response) => {
  const { method, url, headers } = request;
  const body = JSON.stringify({ method, url, headers });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  request.resume();
});
const http2 = createHttp2((request, response) => {
  const { method, url, headers } = request;
  const body = JSON.stringify({ method, url, headers });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  request.resume();
});
http2.on('sessionError', () => undefined);
// What this parser refuses, another app's would take: it tells what stood there all the same.
http.on('clientError', (error, socket) => {
  const [method, ...words] = rawPacket(error).split('\r\n', 1).join('').split(' ');
  const body = JSON.stringify({ method, url: words.slice(0, -1).join(' ') });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
});
// Longer than a sidecar keeps an idle connection, so that it is never the app that closes one.
http.keepAliveTimeout = 3_601_000;

function rawPacket(error: Error): string {
  return 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket.toString('latin1') : '';
}

function echo(socket: Socket): void {
  socket.on('data', (chunk) => socket.write(Buffer.concat([Buffer.from('heard '), chunk])));
  socket.on('error', () => socket.destroy());
}

for (const port of values.http) listenHttp(Number(port));
for (const port of values.tcp) createTcp(echo).listen(Number(port));
if (values.tls.length > 0) {
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=app';
  // Through a pipe of the shell's: Node gives a socket, which openssl can't open by name.
  const pem = execFileSync('sh', ['-c', `openssl ${request} -keyout /dev/stdout 2>/dev/null | cat`]);
  for (const port of values.tls) createTls({ key: pem, cert: pem }, echo).listen(Number(port));
}

/** HTTP/1.1 and HTTP/2 on one port, as the first bytes say: a sidecar speaks to the app as the client spoke to it. */
function listenHttp(port: number): void {
  createTcp((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.unshift(first);
      // No method of HTTP/1.1 that anybody uses begins like the preface of HTTP/2.
      const server = first.toString('latin1', 0, 4) === 'PRI ' ? http2 : http;
      server.emit('connection', socket);
    });
  }).listen(port);
}
