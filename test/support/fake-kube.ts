import type { KubeClient, KubeMethod, KubeRequest, KubeStream, Query } from '../../src/kube/client.ts';
import { isKubeObject, type KubeObject } from '../../src/kube/object.ts';
import { MeshError } from '../../src/lib/errors.ts';

/** One write that reached the server. */
export interface FakeWrite {
  readonly method: KubeMethod;
  readonly path: string;
  readonly query: Query;
  readonly body: unknown;
}

/**
 * A Kubernetes API in memory, as far as reflectors and appliers need one: collections with list and watch, documents at
 * fixed paths, and apply, which merges nothing but `status` and top-level fields. Counts what is written.
 */
export class FakeKube implements KubeClient {
  readonly server = 'http://fake';
  readonly namespace = 'default';
  readonly writes: FakeWrite[] = [];
  /** What GET answers where no collection is. */
  readonly documents = new Map<string, unknown>();
  /** Thrown for each write as long as it is there. */
  failing: MeshError | undefined;
  readonly #collections = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<{ readonly path: string; readonly send: (line: string) => void }>();
  #version = 0;

  /** Makes a collection; objects in it are found under `<path>/<name>`, or with their namespace. */
  collection(path: string): void {
    this.#collections.set(path, new Map());
  }

  /** Sets an object, as another client would. */
  put(path: string, object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } };
    const objects = this.#objects(path);
    const type = objects.has(keyOf(object)) ? 'MODIFIED' : 'ADDED';
    objects.set(keyOf(object), stored);
    this.#tell(path, type, stored);
    return stored;
  }

  drop(path: string, key: string): boolean {
    const objects = this.#objects(path);
    const object = objects.get(key);
    if (object === undefined) return false;
    objects.delete(key);
    this.#version += 1;
    this.#tell(path, 'DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } });
    return true;
  }

  find(path: string, key: string): KubeObject | undefined {
    return this.#objects(path).get(key);
  }

  async request(method: KubeMethod, path: string, { query = {}, body }: KubeRequest = {}): Promise<unknown> {
    if (method === 'GET') return this.#read(path);
    this.writes.push({ method, path, query, body });
    if (this.failing !== undefined) throw this.failing;
    const { collection, key, status } = this.#locate(path);
    if (method === 'DELETE') {
      if (!this.drop(collection, key)) throw new MeshError('not-found', `no ${path}`);
      return {};
    }
    if (method !== 'PATCH' || !isKubeObject(body)) throw new MeshError('bad-argument', `can not ${method} ${path}`);
    const before = this.find(collection, key);
    if (before === undefined && status) throw new MeshError('not-found', `no ${path}`);
    if (before !== undefined && 'uid' in body.metadata && body.metadata.uid !== before.metadata.uid)
      throw new MeshError('conflict', `another ${path}`);
    return this.put(
      collection,
      status && before !== undefined
        ? { ...before, status: body['status'] }
        : { ...body, metadata: { ...body.metadata, uid: before?.metadata.uid ?? `uid ${this.#version}` } },
    );
  }

  async stream(path: string, query: Query, signal: AbortSignal): Promise<KubeStream> {
    const lines: string[] = [];
    const since = Number(query['resourceVersion']);
    if (since < this.#version) {
      for (const object of this.#objects(path).values())
        if (Number(object.metadata.resourceVersion) > since) lines.push(line('MODIFIED', object));
    }
    let wake = (): void => undefined;
    const watcher = {
      path,
      send: (text: string) => {
        lines.push(text);
        wake();
      },
    };
    this.#watchers.add(watcher);
    const watchers = this.#watchers;
    return (async function* () {
      try {
        while (!signal.aborted) {
          const chunk = lines.splice(0).join('');
          if (chunk !== '') yield Buffer.from(chunk);
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal.addEventListener('abort', () => resolve(), { once: true });
            });
        }
      } finally {
        watchers.delete(watcher);
      }
    })();
  }

  async get(path: string): Promise<KubeObject> {
    const found = await this.request('GET', path);
    if (isKubeObject(found)) return found;
    throw new MeshError('not-found', `no ${path}`);
  }

  async create(path: string, object: object): Promise<KubeObject> {
    throw new MeshError('bad-argument', `can not create ${JSON.stringify(object)} in ${path}`);
  }

  async replace(path: string, object: object): Promise<KubeObject> {
    throw new MeshError('bad-argument', `can not replace ${path} by ${JSON.stringify(object)}`);
  }

  async apply(path: string, body: object, query: { readonly fieldManager: string }): Promise<KubeObject> {
    const answer = await this.request('PATCH', path, { body, query: { ...query } });
    if (isKubeObject(answer)) return answer;
    throw new MeshError('bad-argument', `no object came of ${path}`);
  }

  async remove(path: string): Promise<boolean> {
    return await this.request('DELETE', path).then(
      () => true,
      () => false,
    );
  }

  [Symbol.dispose](): void {
    this.#watchers.clear();
  }

  #read(path: string): unknown {
    const objects = this.#collections.get(path);
    if (objects !== undefined) {
      return { kind: 'List', metadata: { resourceVersion: `${this.#version}` }, items: [...objects.values()] };
    }
    if (this.documents.has(path)) return this.documents.get(path);
    throw new MeshError('not-found', `no ${path}`);
  }

  #objects(path: string): Map<string, KubeObject> {
    const objects = this.#collections.get(path);
    if (objects === undefined) throw new MeshError('not-found', `no collection ${path}`);
    return objects;
  }

  /** A namespaced object may be in a collection of its namespace, or in one of all namespaces. */
  #locate(path: string): { readonly collection: string; readonly key: string; readonly status: boolean } {
    const status = path.endsWith('/status');
    const parts = (status ? path.slice(0, -'/status'.length) : path).split('/');
    const name = parts.at(-1) ?? '';
    const inNamespace = parts.slice(0, -1).join('/');
    const [namespaces, namespace] = parts.slice(-4, -2);
    if (this.#collections.has(inNamespace)) return { collection: inNamespace, key: `${namespace}/${name}`, status };
    if (namespaces !== 'namespaces') throw new MeshError('not-found', `no ${path}`);
    const everywhere = [...parts.slice(0, -4), ...parts.slice(-2, -1)].join('/');
    return { collection: everywhere, key: `${namespace}/${name}`, status };
  }

  #tell(path: string, type: string, object: KubeObject): void {
    for (const watcher of this.#watchers) if (watcher.path === path) watcher.send(line(type, object));
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function line(type: string, object: KubeObject): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Lets everything that is ready to run do so, however many promises it goes through. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
