/** A small HTTP server that tells callers what it received, in the manner of httpbin. Usage: httpbin [--port 8000] */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

type Json = Readonly<Record<string, unknown>>;
type Handler = (request: IncomingMessage, response: ServerResponse, argument: string) => void | Promise<void>;

/** First segment of the path → what answers; `undefined` methods mean any. */
const routes: Readonly<Record<string, { readonly methods?: readonly string[]; readonly handle: Handler }>> = {
  '': { handle: (_request, response) => text(response, 200, 'httpbin\n') },
  ip: { handle: (request, response) => json(response, 200, { origin: origin(request) }) },
  headers: { handle: (request, response) => json(response, 200, { headers: headers(request) }) },
  'user-agent': {
    handle: (request, response) => json(response, 200, { 'user-agent': request.headers['user-agent'] ?? '' }),
  },
  get: { methods: ['GET'], handle: (request, response) => echo(request, response) },
  post: { methods: ['POST'], handle: (request, response) => echo(request, response) },
  put: { methods: ['PUT'], handle: (request, response) => echo(request, response) },
  patch: { methods: ['PATCH'], handle: (request, response) => echo(request, response) },
  delete: { methods: ['DELETE'], handle: (request, response) => echo(request, response) },
  anything: { handle: (request, response) => echo(request, response) },
  uuid: { handle: (_request, response) => json(response, 200, { uuid: crypto.randomUUID() }) },
  status: {
    handle: (_request, response, argument) => {
      const status = Number(argument);
      if (Number.isInteger(status) && status >= 200 && status <= 599) response.writeHead(status).end();
      else text(response, 400, 'a status from 200 to 599\n');
    },
  },
  delay: {
    handle: async (request, response, argument) => {
      await setTimeout(Math.min(Number(argument) || 0, 10) * 1_000);
      await echo(request, response);
    },
  },
  bytes: {
    handle: (_request, response, argument) => {
      const size = Math.min(Number(argument) || 0, 10_000_000);
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.alloc(size, 'x'));
    },
  },
};

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, name = '', ...rest] = (request.url ?? '/').split('?', 1)[0]?.split('/') ?? [];
  const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (route === undefined) text(response, 404, 'not found\n');
  else if (route.methods !== undefined && !route.methods.includes(request.method ?? ''))
    text(response, 405, 'method not allowed\n');
  else await route.handle(request, response, rest.join('/'));
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
  json(response, 200, {
    args: Object.fromEntries(url.searchParams),
    data: Buffer.concat(chunks).toString('utf8'),
    headers: headers(request),
    method: request.method,
    origin: origin(request),
    url: url.href,
  });
}

/** Whom the app sees: behind a sidecar that is the sidecar, unless it says for whom it speaks. */
function origin(request: IncomingMessage): string {
  const forwarded = request.headers['x-forwarded-for'];
  return typeof forwarded === 'string' ? forwarded : (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function headers(request: IncomingMessage): Json {
  const titled = Object.entries(request.headers).map(([name, value]) => {
    const title = name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase());
    return [title, Array.isArray(value) ? value.join(', ') : value] as const;
  });
  return Object.fromEntries(titled.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function json(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`);
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '8000' } } });
const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    response.destroy();
  });
});
// Longer than a sidecar keeps an idle connection, so that it is never the app that closes under a request.
server.keepAliveTimeout = 3_600_000 + 1_000;
server.listen(Number(values.port));
