/**
 * Stands where a pod's sidecar listens, and shows a certificate that it was given: a line of JSON on standard input,
 * `{certificate, key}`. Answers HTTP, and other bytes with `heard <bytes>`, whoever calls. Says `ready` when it listens.
 */
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';

const [line = ''] = await Array.fromAsync(createInterface({ input: process.stdin }), String);
const { certificate, key }: { readonly certificate: string; readonly key: string } = JSON.parse(line);
// Those of the mesh: a peer that finds none of its own in common would end the handshake for that reason.
const protocols = ['istio-http/1.1', 'istio', 'istio-peer-exchange', 'istio-h2'];
const server = createServer({ cert: certificate, key, ALPNProtocols: protocols }, (socket) => {
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    socket.write(text.startsWith('GET ') ? 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nimposter' : `heard ${text}`);
  });
  socket.on('error', () => socket.destroy());
});
server.on('tlsClientError', () => undefined);
server.listen(15_006, () => process.stdout.write('ready\n'));
