import { request } from 'node:http';
import { text as readAll } from 'node:stream/consumers';
import { MeshError } from '../lib/errors.ts';

/** A page fetched over plain HTTP, from our admin server or from an Envoy's. */
export interface Page {
  readonly status: number;
  readonly body: string;
}

/** How to reach some admin server; a sandbox has other ways than a socket of this network namespace. */
export interface PageSource {
  /** For messages: what was asked. */
  readonly name: string;
  get(path: string, signal: AbortSignal): Promise<Page>;
}

const timeoutMs = 10_000;

/** An admin server at an address. `hint` says what to do if nothing answers there. */
export function pagesAt(base: URL, hint: string): PageSource {
  const name = base.host;
  return {
    name,
    async get(path, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Page>();
      const outgoing = request(
        new URL(path, base),
        { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) },
        (response) => {
          readAll(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
      try {
        return await promise;
      } catch (thrown) {
        signal.throwIfAborted();
        throw new MeshError('unavailable', `no answer from ${name}: ${MeshError.from(thrown).message}`, {
          cause: thrown,
          hint,
        });
      }
    },
  };
}

/** The JSON of a page; anything but 200 is an error with the server's own words. */
export async function getJson(source: PageSource, path: string, signal: AbortSignal): Promise<unknown> {
  const { status, body } = await source.get(path, signal);
  if (status !== 200) {
    throw new MeshError(
      status === 404 ? 'not-found' : 'unavailable',
      `${source.name} answered ${status}: ${body.trim().slice(0, 500)}`,
    );
  }
  return parseJson(body, source.name);
}

/** JSON, or an error that says whose and where. The parser's own words quote the text, which may be a key. */
export function parseJson(body: string, from: string): unknown {
  try {
    return JSON.parse(body);
  } catch (thrown) {
    const where = / \(line \d+ column \d+\)$/.exec(MeshError.from(thrown).message)?.[0] ?? '';
    throw new MeshError('unavailable', `${from}: not JSON${where}`);
  }
}

/** An `http://` URL given as a flag. */
export function parseHttpUrl(flag: string, value: string): URL {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url === null || url.protocol !== 'http:' || url.port === '') {
    throw new MeshError('bad-argument', `${flag}: ${JSON.stringify(value)} is no address of an admin server`, {
      hint: 'write HOST:PORT or http://HOST:PORT',
    });
  }
  return url;
}
