/**
 * The server of the end-to-end tests: HTTP that tells what it received, TCP and TLS that answer each chunk with
 * `heard <chunk>`. Usage: server [--http PORT]... [--tcp PORT]... [--tls PORT]...
 */
import { execFileSync } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
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
// Longer than a sidecar keeps an idle connection, so that it is never the app that closes one.
http.keepAliveTimeout = 3_601_000;

function echo(socket: Socket): void {
  socket.on('data', (chunk) => socket.write(Buffer.concat([Buffer.from('heard '), chunk])));
  socket.on('error', () => socket.destroy());
}

for (const port of values.http) listenLike(http, Number(port));
for (const port of values.tcp) createTcp(echo).listen(Number(port));
if (values.tls.length > 0) {
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=app';
  // Through a pipe of the shell's: Node gives a socket, which openssl can't open by name.
  const pem = execFileSync('sh', ['-c', `openssl ${request} -keyout /dev/stdout 2>/dev/null | cat`]);
  for (const port of values.tls) createTls({ key: pem, cert: pem }, echo).listen(Number(port));
}

/** One HTTP server on several ports. */
function listenLike(server: typeof http, port: number): void {
  createTcp((socket) => server.emit('connection', socket)).listen(port);
}
