import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assertNever } from '../lib/assert-never.ts';
import { MeshError } from '../lib/errors.ts';
import { boundConnections } from '../lib/guests.ts';
import type { Logger } from '../lib/log.ts';
import { type Access, accessOf } from './access.ts';
import { type Answer, jsonBody, type Route, routes } from './routes.ts';
import type { AdminSources } from './sources.ts';

/** What the server is made from. */
export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  readonly sources: AdminSources;
  readonly version: string;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log: Logger;
}

/** Health, readiness, metrics and debug pages (product.md: 127.0.0.1:15014). */
export interface AdminServer extends AsyncDisposable {
  readonly host: string;
  /** The port that it got; differs from what was asked for if that was 0. */
  readonly port: number;
}

/** Starts to listen. Throws MeshError `unavailable` if the address can't be had. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const pages = routes({
    sources: options.sources,
    version: options.version,
    metricsText: () => options.metrics.text(),
    metricsType: options.metrics.contentType,
  });
  const table = new Map(pages.map((route) => [route.path, route]));
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      // A body has no meaning here; read on, so that the connection stays usable.
      request.resume();
      respond(table, request, response).catch((thrown: unknown) => {
        options.log.error({ error: MeshError.from(thrown).message, path: request.url }, 'admin page failed');
        if (response.headersSent) response.destroy();
        else send(request, response, { kind: 'text', status: 500, body: 'internal error; see the log\n' });
      });
    },
  );
  // The kubelet asks here whether we live: strangers must not be able to answer for us by taking all connections.
  boundConnections(server, 256);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    host: options.host,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

async function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (thrown) {
    throw new MeshError(
      'unavailable',
      `can't listen on the admin address ${host}:${port}: ${MeshError.from(thrown).message}`,
      {
        cause: thrown,
        hint: 'is another coxswain running? choose another address with --admin',
      },
    );
  }
  server.off('error', reject);
}

async function respond(
  table: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  send(request, response, await answer(table, request));
}

async function answer(table: ReadonlyMap<string, Route>, request: IncomingMessage): Promise<Answer> {
  const access = accessOf(request.socket.remoteAddress, request.headers.host);
  if (access === 'refused') {
    return text(421, 'this server answers to its address or to localhost, not to that host name');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return text(405, 'GET and HEAD only: nothing can be changed here');
  const url = URL.parse(request.url ?? '/', 'http://admin.invalid');
  if (url === null || url.host !== 'admin.invalid') return text(400, 'the request target is not a path');
  return await answerRoute(table.get(url.pathname), access, url);
}

async function answerRoute(route: Route | undefined, access: Access, url: URL): Promise<Answer> {
  // The same words for a hidden page and for none: a stranger learns nothing.
  if (access === 'health-only' && route?.health !== true) {
    return text(403, 'from another machine only /healthz, /ready and /metrics answer');
  }
  if (route === undefined) return text(404, 'no such page; / lists them');
  return await route.answer(url.searchParams);
}

function text(status: number, line: string): Answer {
  return { kind: 'text', status, body: `${line}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, answered: Answer): void {
  const [type, body] = encode(answered);
  response.writeHead(answered.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    ...(answered.status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function encode(answered: Answer): readonly [type: string, body: string] {
  switch (answered.kind) {
    case 'json':
      return ['application/json; charset=utf-8', jsonBody(answered.body)];
    case 'text':
      return [answered.type ?? 'text/plain; charset=utf-8', answered.body];
    case 'html':
      return ['text/html; charset=utf-8', answered.body];
    default:
      return assertNever(answered);
  }
}
