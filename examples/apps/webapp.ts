/** The web application of the istioinaction example: it asks the catalog. Usage: webapp [--port 8080] [--catalog URL] */
import { Agent, createServer, get, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    catalog: { type: 'string', default: 'http://catalog.istioinaction' },
  },
});
const agent = new Agent({ keepAlive: false });

function forward(path: string, response: ServerResponse): void {
  const upstream = get(`${values.catalog}${path}`, { agent, timeout: 5_000 }, (answer) => {
    const { 'content-length': length } = answer.headers;
    response.writeHead(answer.statusCode === 200 ? 200 : 502, {
      'content-type': 'application/json; charset=utf-8',
      ...(length === undefined ? {} : { 'content-length': length }),
    });
    answer.pipe(response);
  });
  upstream.on('timeout', () => upstream.destroy(new Error('timed out')));
  upstream.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(502, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: `catalog: ${error.message}` }));
  });
}

const server = createServer((request, response) => {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const [, id] = /^\/api\/catalog(?:\/items)?(?:\/(\d+))?$/.exec(path) ?? [undefined, 'none'];
  if (id !== 'none') forward(id === undefined ? '/items' : `/items/${id}`, response);
  else if (path === '/') response.writeHead(200, { 'content-type': 'text/plain' }).end('webapp\n');
  else response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
});
server.keepAliveTimeout = 3_601_000;
server.listen(Number(values.port));
