import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { ok, type Result } from '../lib/result.ts';
import type { IpBlock } from '../model/ip-block.ts';
import { maxKeySetBytes } from '../model/jwks.ts';
import { type Failure, failure } from './failure.ts';
import { bareHost, checkedUrl, permitted } from './guard.ts';
import type { Resolve } from './resolve.ts';

/** How the world is reached. */
export interface Network {
  readonly resolve: Resolve;
  /** Places that are open though they would be closed by their kind. */
  readonly allow: readonly IpBlock[];
  /** Whom an https server has to be known to. */
  readonly tls: () => SecureContext;
}

const maxRedirects = 3;

type Answer =
  | { readonly kind: 'document'; readonly text: string }
  | { readonly kind: 'elsewhere'; readonly location: string };

/**
 * Fetches one document, at most as large as a key set may be. Each hop is looked at anew, and the address that is looked at is
 * the one that is connected to. No proxy, cookie or password is ever used.
 */
export async function get(address: string, network: Network, signal: AbortSignal): Promise<Result<string, Failure>> {
  let [target, from]: readonly [string, URL | undefined] = [address, undefined];
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const url = checkedUrl(target, from, network.allow);
    if (!url.ok) return url;
    const answer = await ask(url.value, network, signal);
    if (!answer.ok) return answer;
    if (answer.value.kind === 'document') return ok(answer.value.text);
    [target, from] = [answer.value.location, url.value];
  }
  return failure('redirect', `it is sent on more than ${maxRedirects} times`);
}

async function ask(url: URL, network: Network, signal: AbortSignal): Promise<Result<Answer, Failure>> {
  const { promise, resolve: settle } = Promise.withResolvers<Result<Answer, Failure>>();
  if (signal.aborted) return failure('timeout', 'it took too long');
  const guard = new Lookup(network, signal);
  const options: RequestOptions = {
    host: bareHost(url),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'coxswain' },
    lookup: guard.lookup,
    signal,
  };
  const request =
    url.protocol === 'https:'
      ? requestHttps({ ...options, agent: new HttpsAgent({ secureContext: network.tls() }) })
      : requestHttp({ ...options, agent: new HttpAgent() });
  request.on('error', (error) => settle(guard.failure ?? broken(url, error, signal)));
  // Node closes some answers (a protocol upgrade that nobody asked for) without an error.
  const closed = (): void => settle(broken(url, undefined, signal));
  request.on('close', closed);
  request.on('response', (response) => {
    request.off('close', closed);
    response.on('error', (error) => settle(broken(url, error, signal)));
    read(url, response, settle);
  });
  request.end();
  const result = await promise;
  request.destroy();
  return result;
}

function read(url: URL, response: IncomingMessage, settle: (result: Result<Answer, Failure>) => void): void {
  const { statusCode = 0, headers } = response;
  const { location } = headers;
  if ([301, 302, 303, 307, 308].includes(statusCode) && location !== undefined) {
    settle(ok({ kind: 'elsewhere', location }));
    return;
  }
  if (statusCode !== 200) {
    settle(failure('status', `${url.host} answered with status ${statusCode}`));
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxKeySetBytes) settle(failure('size', `${url.host} sent more than ${maxKeySetBytes / 1024} KiB`));
    else chunks.push(chunk);
  });
  response.on('end', () => settle(ok({ kind: 'document', text: Buffer.concat(chunks).toString('utf8') })));
}

/** Resolves names for one request, and hands on only addresses that may be connected to. */
class Lookup {
  readonly #network: Network;
  readonly #signal: AbortSignal;
  /** Why it handed on none. */
  failure: ReturnType<typeof failure> | undefined;

  constructor(network: Network, signal: AbortSignal) {
    this.#network = network;
    this.#signal = signal;
  }

  readonly lookup: LookupFunction = (host, options, callback) => {
    void this.#addresses(host).then((addresses) => {
      const [first, ...others] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      if (first === undefined) callback(new Error('no address'), '');
      else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };

  async #addresses(host: string): Promise<readonly string[]> {
    const { resolve, allow } = this.#network;
    let found: readonly string[];
    try {
      found = await resolve(host, this.#signal);
    } catch (thrown) {
      if (!this.#signal.aborted) this.failure = failure('name', `${host} can't be resolved (${codeOf(thrown)})`);
      return [];
    }
    const good = permitted(host, found, allow);
    if (!good.ok) this.failure = good;
    return good.ok ? good.value : [];
  }
}

function broken(url: URL, error: Error | undefined, signal: AbortSignal): ReturnType<typeof failure> {
  if (signal.aborted) return failure('timeout', `${url.host} took too long`);
  return failure('connection', `${url.host} can't be asked (${codeOf(error)})`);
}

/** A code, never a text: texts of TLS errors quote what the server sent. */
function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : 'no reason given';
}
