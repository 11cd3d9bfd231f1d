/** A TCP server that sends back what it gets, each chunk after a prefix. Usage: echo [--port 9000]... [--prefix 'hello '] */
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', multiple: true, default: ['9000'] }, prefix: { type: 'string', default: '' } },
});

for (const port of values.port) {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(Buffer.concat([Buffer.from(values.prefix), chunk])));
    socket.on('error', () => socket.destroy());
  });
  server.listen(Number(port));
}
