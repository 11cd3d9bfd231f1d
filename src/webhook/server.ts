import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { boundConnections } from '../lib/guests.ts';
import type { Logger } from '../lib/log.ts';
import type { Redacted } from '../lib/redacted.ts';
import { type Share, Shares } from '../lib/shares.ts';
import { type AdmissionRequest, readReview, reviewOf } from './admission.ts';
import { answerInject, type InjectSources } from './inject.ts';
import { answerValidate, type ValidateSources } from './validate.ts';

/** One answered call, for metrics. `failed`: there was no answer, and the API server does what its failurePolicy says. */
export type WebhookEvent =
  | { readonly webhook: 'inject'; readonly outcome: 'injected' | 'skipped' | 'refused' | 'failed' }
  | { readonly webhook: 'validate'; readonly outcome: 'passed' | 'refused' | 'failed' };

export interface WebhookOptions {
  readonly host: string;
  readonly port: number;
  /** Key and chain to show; the API server verifies them with the bundle in its webhook configuration. */
  readonly context: Redacted<SecureContextOptions>;
  readonly inject: InjectSources;
  readonly validate: ValidateSources;
  readonly count: (event: WebhookEvent) => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** `/inject` and `/validate` over HTTPS, for the API server. */
export interface WebhookServer extends AsyncDisposable {
  readonly host: string;
  /** The port that it got; differs from what was asked for if that was 0. */
  readonly port: number;
  /** Shows another certificate from the next connection on. */
  rotate(context: Redacted<SecureContextOptions>): void;
}

/** The API server's own limit for one object. */
const largestBody = 3 * 1024 * 1024;
/** Longer than the API server waits by default. */
const answerMs = 10_000;
/** Anybody can reach this server; nobody may keep the API server from it, or fill its memory. */
const mostConnections = 1_024;
const mostBytes = 64 * 1024 * 1024;
/** How often calls that take too long are looked for. */
const checkMs = 1_000;
/** What open calls get when the server ends. */
const graceMs = 5_000;

/** Starts to listen. Throws MeshError `unavailable` if the address can't be had. */
export async function startWebhookServer(options: WebhookOptions): Promise<WebhookServer> {
  const bodies = new Shares(mostBytes);
  const server = createServer(
    {
      ...tls(options.context),
      maxHeaderSize: 16_384,
      requestTimeout: answerMs,
      headersTimeout: 5_000,
      handshakeTimeout: 5_000,
      connectionsCheckingInterval: checkMs,
    },
    (request, response) => void respond(request, response, options, bodies),
  );
  boundConnections(server, mostConnections);
  server.on('tlsClientError', () => undefined); // a port scan, or a client with the wrong bundle: its own log tells
  await listen(server, options);
  const address = server.address();
  return {
    host: options.host,
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    rotate: (context) => server.setSecureContext(tls(context)),
    async [Symbol.asyncDispose]() {
      using _ = options.clock.after(graceMs, () => server.closeAllConnections());
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeIdleConnections();
      });
    },
  };
}

function tls(context: Redacted<SecureContextOptions>): SecureContextOptions {
  return { ...context.reveal(), minVersion: 'TLSv1.2' };
}

async function listen(server: Server, { host, port }: WebhookOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (thrown) {
    const message = `can't listen on the webhook address ${host}:${port}: ${MeshError.from(thrown).message}`;
    throw new MeshError('unavailable', message, { cause: thrown, hint: 'choose another address with --webhook' });
  }
  server.off('error', reject);
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: WebhookOptions,
  bodies: Shares,
): Promise<void> {
  using share = bodies.take(request.socket.remoteAddress ?? '', 0, () => request.destroy());
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const webhook = path === '/inject' ? 'inject' : path === '/validate' ? 'validate' : undefined;
  try {
    if (webhook === undefined) return refuse(response, 404, 'there are /inject and /validate');
    if (request.method !== 'POST') return refuse(response, 405, 'webhooks are called with POST');
    const body = await readBody(request, share);
    if (body.kind === 'gone') {
      // Without a line in the log: anybody could fill it.
      return options.count({ webhook, outcome: 'failed' });
    }
    if (body.kind === 'refused') {
      options.count({ webhook, outcome: 'failed' });
      return refuse(response, body.status, body.why);
    }
    const review = readReview(body.text);
    if (!review.ok) {
      options.count({ webhook, outcome: 'failed' });
      return refuse(response, 400, review.error);
    }
    const answer = await answerOf(webhook, review.value, options);
    send(response, 200, 'application/json', JSON.stringify(reviewOf(review.value.uid, answer)));
  } catch (thrown) {
    // Neither the body nor anything of it: pods hold secrets in their environment.
    const error = MeshError.from(thrown);
    options.log.error({ webhook: path, code: error.code, error: error.message }, 'a webhook call failed');
    if (webhook !== undefined) options.count({ webhook, outcome: 'failed' });
    if (response.headersSent) response.destroy();
    else refuse(response, 500, 'the webhook could not answer; see the log of the control plane');
  }
}

async function answerOf(webhook: 'inject' | 'validate', request: AdmissionRequest, options: WebhookOptions) {
  if (webhook === 'validate') {
    const answer = answerValidate(request, options.validate);
    options.count({ webhook, outcome: answer.kind === 'allowed' ? 'passed' : 'refused' });
    return answer;
  }
  const { answer, outcome } = await answerInject(request, options.inject, AbortSignal.timeout(answerMs));
  options.count({ webhook, outcome });
  return answer;
}

type Body =
  | { readonly kind: 'text'; readonly text: string }
  /** The caller left, or was sent away, before all of it was here. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly status: number; readonly why: string };

async function readBody(request: IncomingMessage, share: Share): Promise<Body> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') return { kind: 'refused', status: 415, why: 'the body has to be application/json' };
  const tooLarge: Body = { kind: 'refused', status: 413, why: 'the body is larger than 3 MiB' };
  if (Number(request.headers['content-length'] ?? 0) > largestBody) return tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      size += chunk.byteLength;
      if (size > largestBody) return tooLarge;
      chunks.push(chunk);
      share.add(chunk.byteLength);
    }
  } catch (thrown) {
    if (request.destroyed) return { kind: 'gone' };
    throw thrown;
  }
  return { kind: 'text', text: Buffer.concat(chunks).toString('utf8') };
}

/** An answer that isn't one; what was not read of the request ends with its connection. */
function refuse(response: ServerResponse, status: number, why: string): void {
  response.setHeader('connection', 'close');
  send(response, status, 'text/plain; charset=utf-8', `${why}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
