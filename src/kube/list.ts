import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import type { KubeClient, Query } from './client.ts';
import { isKubeObject, type KubeObject } from './object.ts';

/** One page of a list. */
export interface ListPage {
  readonly objects: readonly KubeObject[];
  /** Of the whole list: where a watch goes on from. The same on all pages. */
  readonly resourceVersion: string;
}

export interface ListOptions {
  readonly client: KubeClient;
  readonly path: string;
  readonly query: Query;
  readonly trim: (object: KubeObject) => KubeObject;
  /** Objects per page. */
  readonly pageSize: number;
}

/**
 * A consistent list, page by page ("Retrieving large results sets in chunks", Kubernetes API concepts). Only one page is
 * held untrimmed at a time. Throws `gone` when the server has forgotten the list in the middle: start it again.
 */
export async function* listPages(options: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> {
  const { client, path, pageSize } = options;
  let token: string | undefined;
  do {
    const query = { ...options.query, limit: pageSize, continue: token };
    const answer = await client.request('GET', path, { query, signal, timeoutMs: 60_000 });
    const page = readPage(path, answer);
    yield { objects: page.objects.map(options.trim), resourceVersion: page.resourceVersion };
    token = page.token;
  } while (token !== undefined);
}

function readPage(path: string, answer: unknown): ListPage & { readonly token: string | undefined } {
  const list = isRecord(answer) ? answer : {};
  const { items, metadata, kind, apiVersion } = list;
  const { resourceVersion, continue: token } = isRecord(metadata) ? metadata : {};
  // An empty list of Go may be null.
  const values: unknown = items ?? [];
  if (!Array.isArray(values) || typeof resourceVersion !== 'string')
    throw new MeshError('unavailable', `the answer to ${path} is no list: is this a Kubernetes API?`);
  // Items of a typed list don't say what they are; the list does.
  const type = {
    ...(typeof apiVersion === 'string' ? { apiVersion } : {}),
    ...(typeof kind === 'string' ? { kind: kind.replace(/List$/, '') } : {}),
  };
  const objects = values.map((item: unknown) => {
    if (!isKubeObject(item)) throw new MeshError('unavailable', `the list ${path} has an item without metadata.name`);
    return { ...type, ...item };
  });
  return { objects, resourceVersion, token: typeof token === 'string' && token !== '' ? token : undefined };
}
