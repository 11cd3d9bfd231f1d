import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** What an app of Bookinfo is asked. */
export interface Question {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What it answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Serves on a port. All four apps answer `/health`, so that a probe can ask any of them. */
export function serve(port: number, answer: (question: Question) => Answer | Promise<Answer>): void {
  const server = createServer(async (request, response) => {
    try {
      const question = await read(request);
      const { status, type, body, headers } =
        question.path === '/health' ? json(200, { status: 'healthy' }) : await answer(question);
      response.writeHead(status, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(body);
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    }
  });
  // Longer than a sidecar keeps an idle connection, so that it is never the app that closes under a request.
  server.keepAliveTimeout = 3_601_000;
  server.listen(port);
  // Told to end, it serves on for a moment: its clients have yet to learn that it goes.
  process.once('SIGTERM', () => setTimeout(() => process.exit(), 3_000));
}

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export const notFound: Answer = json(404, { error: 'not found' });

/** The number of a product in a path like `/reviews/0`. */
export function productIn(path: string, collection: string): number | undefined {
  const [, first, id, ...rest] = path.split('/');
  return first === collection && id !== undefined && /^\d{1,9}$/.test(id) && rest.length === 0 ? Number(id) : undefined;
}

/**
 * Headers that an app passes on to those whom it asks: by them a trace stays one trace, and a service in the back knows for
 * whom the question is.
 */
export function passedOn(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const named = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' && (passed.has(name) || name.startsWith('x-b3-')) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(named);
}

const passed: ReadonlySet<string> = new Set([
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'authorization',
  'end-user',
]);

/** Asks another service. Status 0: there was no answer. */
export async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Asked> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(3_000) });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, value: isJson ? JSON.parse(text) : undefined };
  } catch {
    return { status: 0, value: undefined };
  }
}

export interface Asked {
  readonly status: number;
  readonly value: unknown;
}

async function read(request: IncomingMessage): Promise<Question> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  return { method: request.method ?? 'GET', path, headers: request.headers, body };
}
