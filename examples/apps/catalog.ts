/**
 * The catalog of the istioinaction example: four articles, and the headers that a request arrived with.
 * Usage: catalog [--port 3000]
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const items = [
  { id: 1, color: 'amber', department: 'Eyewear', name: 'Elinor Glasses', price: '282.00' },
  { id: 2, color: 'cyan', department: 'Clothing', name: 'Atlas Shirt', price: '127.00' },
  { id: 3, color: 'teal', department: 'Clothing', name: 'Small Metal Shoes', price: '232.00' },
  { id: 4, color: 'red', department: 'Watches', name: 'Red Dragon Watch', price: '232.00' },
];

/** All of them, or one by its number; undefined for any other path. */
function article(path: string): unknown {
  const [, id] = /^(?:\/api)?\/items(?:\/(\d+))?$/.exec(path) ?? [undefined, 'none'];
  return id === undefined ? items : items.find((each) => String(each.id) === id);
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '3000' } } });
const server = createServer((request, response) => {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const found = path === '/headers' ? { headers: request.headers } : article(path);
  const body = JSON.stringify(found ?? { error: 'not found' });
  response.writeHead(found === undefined ? 404 : 200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
});
server.keepAliveTimeout = 3_601_000;
server.listen(Number(values.port));
// Told to end, it serves on for a moment: its clients have yet to learn that it goes.
process.once('SIGTERM', () => setTimeout(() => process.exit(), 3_000));
