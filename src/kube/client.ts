import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { MeshError } from '../lib/errors.ts';
import { apiError, connectionError } from './errors.ts';
import { isKubeObject, type KubeObject } from './object.ts';

export type KubeMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a request may have beside its method and path. */
export interface KubeRequest {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; JSON unless it is a patch. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** How long an answer may take; 30 s by default. */
  readonly timeoutMs?: number;
}

/** The chunks of an open watch, as they arrive. Ends when the server ends it; throws MeshError when it breaks. */
export type KubeStream = AsyncIterable<Uint8Array>;

/**
 * The door to a Kubernetes API. Paths are the API's own (`/api/v1/pods`), objects are JSON: typed models would copy each
 * object once more and know no CRD. Every failure is a MeshError whose code says what to do (errors.ts).
 */
export interface KubeClient extends Disposable {
  /** Base URL of the server: for messages. */
  readonly server: string;
  /** Namespace of the context, or of the service account; `default` where none is named. */
  readonly namespace: string;
  /** One request; the parsed answer. */
  request(method: KubeMethod, path: string, options?: KubeRequest): Promise<unknown>;
  /** Opens a watch. Resolves once the server has accepted it. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<KubeStream>;
  /** One object. Throws `not-found`. */
  get(path: string, query?: Query): Promise<KubeObject>;
  /** POST to a collection. Throws `conflict` where the name is taken. */
  create(path: string, object: object): Promise<KubeObject>;
  /** PUT; with a stale `metadata.resourceVersion` throws `conflict`. */
  replace(path: string, object: object): Promise<KubeObject>;
  /** Server-side apply: the object holds what this manager wants, and `force` takes fields from other managers. */
  apply(
    path: string,
    object: object,
    options: { readonly fieldManager: string; readonly force?: boolean; readonly dryRun?: boolean },
  ): Promise<KubeObject>;
  /** DELETE; false where nothing was there. */
  remove(path: string, options?: { readonly uid?: string }): Promise<boolean>;
}

export interface KubeOptions {
  /** A kubeconfig file; without it, the service account of the pod that this runs in. */
  readonly kubeconfig?: string | undefined;
  /** A context of that file; its current one by default. */
  readonly context?: string | undefined;
}

const defaultTimeoutMs = 30_000;
const maxErrorBody = 64 * 1024;
const maxBody = 512 * 1024 * 1024;

/** Opens the door. Only reads files: the first request connects. Throws `bad-argument` with what is wrong about the kubeconfig. */
export async function openKube(options: KubeOptions): Promise<KubeClient> {
  // Half a second of start-up that commands without a cluster need not pay.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (options.kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(options.kubeconfig);
  } catch (thrown) {
    const what = options.kubeconfig ?? 'the service account of this pod';
    throw new MeshError('bad-argument', `can't use ${what}: ${MeshError.from(thrown).message}`, { cause: thrown });
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const contexts = config.getContexts().map((each) => each.name);
    throw new MeshError('bad-argument', `no such context in ${options.kubeconfig}: ${config.getCurrentContext()}`, {
      hint: `contexts there: ${contexts.join(', ') || 'none'}`,
    });
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return new HttpKubeClient(config, cluster.server.replace(/\/+$/, ''), namespace ?? 'default', cluster.proxyUrl);
}

class HttpKubeClient implements KubeClient {
  readonly server: string;
  readonly namespace: string;
  readonly #config: KubeConfig;
  readonly #proxied: boolean;
  #agent: { readonly of: string; readonly agent: HttpAgent | HttpsAgent } | undefined;

  constructor(config: KubeConfig, server: string, namespace: string, proxyUrl: string | undefined) {
    this.#config = config;
    this.server = server;
    this.namespace = namespace;
    this.#proxied = proxyUrl !== undefined;
  }

  async request(method: KubeMethod, path: string, options: KubeRequest = {}): Promise<unknown> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    const response = await this.#send(method, path, options, signal);
    return parse(path, await readAll(response, path, maxBody));
  }

  async stream(path: string, query: Query, signal: AbortSignal): Promise<KubeStream> {
    return chunks(await this.#send('GET', path, { query }, signal), path);
  }

  async get(path: string, query: Query = {}): Promise<KubeObject> {
    return object(path, await this.request('GET', path, { query }));
  }

  async create(path: string, body: object): Promise<KubeObject> {
    return object(path, await this.request('POST', path, { body }));
  }

  async replace(path: string, body: object): Promise<KubeObject> {
    return object(path, await this.request('PUT', path, { body }));
  }

  async apply(
    path: string,
    body: object,
    options: { readonly fieldManager: string; readonly force?: boolean; readonly dryRun?: boolean },
  ): Promise<KubeObject> {
    const { fieldManager, force = false, dryRun = false } = options;
    const query = { fieldManager, force, dryRun: dryRun ? 'All' : undefined };
    const answer = await this.request('PATCH', path, { query, body, contentType: 'application/apply-patch+yaml' });
    return object(path, answer);
  }

  async remove(path: string, options: { readonly uid?: string } = {}): Promise<boolean> {
    const preconditions = options.uid === undefined ? {} : { preconditions: { uid: options.uid } };
    try {
      await this.request('DELETE', path, { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...preconditions } });
      return true;
    } catch (thrown) {
      if (thrown instanceof MeshError && thrown.code === 'not-found') return false;
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  async #send(method: KubeMethod, path: string, options: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(`${this.server}${path}`);
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const auth = await this.#authenticated();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = url.protocol === 'http:' ? requestHttp : requestHttps;
    const request = send(url, {
      ...auth,
      method,
      signal,
      headers: {
        ...auth.headers,
        accept: 'application/json',
        'user-agent': 'coxswain',
        ...(body === undefined
          ? {}
          : { 'content-type': options.contentType ?? 'application/json', 'content-length': body.length }),
      },
    });
    request.on('response', resolve);
    request.on('error', (error) => reject(connectionError(this.server, error, signal)));
    request.end(body);
    const response = await promise;
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw apiError(method, path, statusCode, await readAll(response, path, maxErrorBody).catch(() => Buffer.alloc(0)));
  }

  /** Credentials anew for each request, as tokens in files rotate; connections are shared as long as these stay the same. */
  async #authenticated(): Promise<RequestOptions> {
    const options: RequestOptions & { ca?: unknown; cert?: unknown; key?: unknown; servername?: string } = {};
    try {
      await this.#config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    } catch (thrown) {
      throw new MeshError('unauthenticated', `no credentials for ${this.server}: ${MeshError.from(thrown).message}`, {
        cause: thrown,
      });
    }
    if (this.#proxied) return options;
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options as Record<string, unknown>;
    const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const of = JSON.stringify(tls);
    if (this.#agent?.of !== of) {
      // The old one's open watches go on; its idle connections end by themselves.
      const settings = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 256, ...withoutUndefined(tls) };
      this.#agent = {
        of,
        agent: this.server.startsWith('http:') ? new HttpAgent({ keepAlive: true }) : new HttpsAgent(settings),
      };
    }
    return { ...options, agent: this.#agent.agent };
  }
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

async function* chunks(response: IncomingMessage, path: string): KubeStream {
  try {
    for await (const chunk of response) yield chunk;
  } catch (thrown) {
    throw connectionError(path, MeshError.from(thrown));
  } finally {
    response.destroy();
  }
}

async function readAll(response: IncomingMessage, path: string, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of chunks(response, path)) {
    size += part.length;
    if (size > limit) throw new MeshError('unavailable', `the answer to ${path} has more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function parse(path: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new MeshError('unavailable', `the answer to ${path} is not JSON: is this a Kubernetes API?`);
  }
}

function object(path: string, value: unknown): KubeObject {
  if (isKubeObject(value)) return value;
  throw new MeshError('unavailable', `the answer to ${path} is no object with metadata.name`);
}
