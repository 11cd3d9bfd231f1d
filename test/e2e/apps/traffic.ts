/**
 * One of several alike, which tells who answered: `traffic NAME`. HTTP/1.1 and HTTP/2 on 8080 answer
 * `{name, protocol, connection}`, the last being the number of the connection that the call came over. `/fails/NAME` is
 * answered with 500 by NAME alone; `/hold` is answered once somebody calls `/release`, and `/held` tells how many wait for
 * that. TCP on 9000 answers its name.
 */
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createTcp, type Socket } from 'node:net';

type Request = IncomingMessage | Http2ServerRequest;

const [name = ''] = process.argv.slice(2);
const connections = new WeakMap<object, number>();
let count = 0;
let held: (() => void)[] = [];

function numberOf(request: Request): number {
  // The socket of an HTTP/2 request is a stand-in that each request has anew.
  const connection = 'stream' in request ? (request.stream.session ?? request) : request.socket;
  const known = connections.get(connection) ?? ++count;
  connections.set(connection, known);
  return known;
}

function answer(request: Request, response: ServerResponse | Http2ServerResponse): void {
  request.resume();
  const connection = numberOf(request);
  const send = (): void => {
    const waiting = request.url === '/held' ? { held: held.length } : {};
    response.statusCode = request.url === `/fails/${name}` ? 500 : 200;
    const body = JSON.stringify({ name, protocol: `HTTP/${request.httpVersion}`, connection, ...waiting });
    response.setHeader('content-length', Buffer.byteLength(body));
    // The same to both classes.
    if ('stream' in response) response.end(body);
    else response.end(body);
  };
  if (request.url === '/hold') {
    held.push(send);
    return;
  }
  if (request.url === '/release') {
    const waiting = held;
    held = [];
    for (const each of waiting) each();
  }
  send();
}

const http = createHttp(answer);
http.keepAliveTimeout = 3_601_000;
const http2 = createHttp2(answer);
http2.on('sessionError', () => undefined);

/** By the first bytes. */
function take(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.once('readable', () => {
    const first: Buffer | null = socket.read();
    if (first === null) return;
    socket.unshift(first);
    (first.toString('latin1', 0, 4) === 'PRI ' ? http2 : http).emit('connection', socket);
  });
}

createTcp(take).listen(8080);
createTcp((socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', () => socket.write(name));
}).listen(9000);
