// The app of the probe tests, a process of its own in a pod's network: HTTP, HTTPS, TCP and gRPC health on the address given,
// and on no other. Prints `up` when all four listen.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';

const [address = '', keyFile = '', certificateFile = ''] = process.argv.slice(2);

/** Says how it was asked. */
const answer: RequestListener = (request, response) => {
  const url = request.url ?? '';
  if (url.startsWith('/moved')) response.writeHead(302, { location: '/elsewhere' });
  if (url.startsWith('/broken')) response.writeHead(500);
  if (url.startsWith('/slow')) return;
  const { host, 'x-probe': probe } = request.headers;
  response.end(JSON.stringify({ method: request.method, url, host, probe, from: request.socket.remoteAddress }));
};

const http = createServer(answer).listen(8080, address);
const https = createTlsServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) }, answer);
https.listen(8443, address);
const tcp = createTcpServer((socket) => socket.on('error', () => undefined).end()).listen(9000, address);

const asIs = (bytes: Buffer): Buffer => bytes;
const grpc = new Server();
grpc.addService(
  {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestDeserialize: asIs,
      requestSerialize: asIs,
      responseDeserialize: asIs,
      responseSerialize: asIs,
    },
  },
  {
    // Field 1 of the request is the service, of the response the status: 1 is SERVING, 2 NOT_SERVING.
    Check: (call: { readonly request: Buffer }, done: (error: null, answer: Buffer) => void) =>
      done(null, Buffer.from([8, call.request.subarray(2).toString() === 'down' ? 2 : 1])),
  },
);
const bound = Promise.withResolvers<void>();
grpc.bindAsync(`${address}:9090`, ServerCredentials.createInsecure(), (error) =>
  error === null ? bound.resolve() : bound.reject(error),
);

await Promise.all([once(http, 'listening'), once(https, 'listening'), once(tcp, 'listening'), bound.promise]);
process.stdout.write('up\n');
