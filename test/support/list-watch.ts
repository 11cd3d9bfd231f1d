import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type KubeClient, openKube } from '../../src/kube/client.ts';
import { type ReflectEvent, type ReflectOptions, reflect } from '../../src/kube/reflector.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { KubeCluster } from './kube-cluster.ts';

/** A TCP proxy before an API server that can be shut, and that cuts connections after so many bytes. */
export class CutProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #shut = false;
  /** Bytes that each of the next connections lets through from the server before it is cut. */
  readonly #limits: number[] = [];
  cuts = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async start(target: number): Promise<CutProxy> {
    const proxy = new CutProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Lets nobody through, and cuts whoever is. */
  shut(): void {
    this.#shut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#shut = false;
  }

  /** Cuts the connections of now, and the next ones after so many bytes of the server each. */
  cutNext(limits: readonly number[]): void {
    this.#limits.push(...limits);
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    if (this.#shut) {
      client.destroy();
      return;
    }
    let left = this.#limits.shift() ?? Number.POSITIVE_INFINITY;
    const server = connect(this.#target, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.pipe(server);
    server.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      left -= part.length;
      if (left > 0) {
        client.write(part);
        return;
      }
      this.cuts += 1;
      server.removeAllListeners('data');
      client.end(part, end);
    });
  }
}

/** A client of a cluster that goes through another port. */
export async function openThrough(cluster: KubeCluster, port: number): Promise<KubeClient> {
  const text = await readFile(cluster.kubeconfig, 'utf8');
  const kubeconfig = join(cluster.server.dir, `through-${port}`);
  await writeFile(kubeconfig, text.replace(`:${cluster.server.port}`, `:${port}`), { mode: 0o600 });
  return await openKube({ kubeconfig });
}

/** What a client asked for, in order: `list PATH` for each page, `watch PATH@VERSION`. */
export function recordRequests(client: KubeClient): { readonly client: KubeClient; readonly asked: string[] } {
  const asked: string[] = [];
  const recording: KubeClient = {
    server: client.server,
    namespace: client.namespace,
    request(method, path, options) {
      asked.push(`list ${path}`);
      return client.request(method, path, options);
    },
    stream(path, query, signal) {
      asked.push(`watch ${path}@${query['resourceVersion']}`);
      return client.stream(path, query, signal);
    },
    get: (path, query) => client.get(path, query),
    create: (path, object) => client.create(path, object),
    replace: (path, object) => client.replace(path, object),
    apply: (path, object, options) => client.apply(path, object, options),
    remove: (path, options) => client.remove(path, options),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
  return { client: recording, asked };
}

/** A consumer of a reflection: what it was told, and what is there by that. */
export class Mirror implements AsyncDisposable {
  /** Version of each object by name. */
  readonly objects = new Map<string, string>();
  /** Every put, as `name@version`, in order. */
  readonly puts: string[] = [];
  readonly deletes: string[] = [];
  batches = 0;
  synced = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(client: KubeClient, options: Pick<ReflectOptions, 'path'> & Partial<ReflectOptions>) {
    const common = { client, clock: systemClock, random: Math.random, log: silentLogger };
    this.#running = this.#run(reflect({ ...common, ...options }, this.#stop.signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(batches: AsyncIterable<readonly ReflectEvent[]>): Promise<void> {
    for await (const batch of batches) {
      this.batches += 1;
      for (const event of batch) {
        if (event.type === 'put') {
          const { name, resourceVersion = '' } = event.object.metadata;
          this.objects.set(name, resourceVersion);
          this.puts.push(`${name}@${resourceVersion}`);
        } else if (event.type === 'delete') {
          this.objects.delete(event.name);
          this.deletes.push(event.name);
        } else if (event.type === 'synced') {
          this.synced += 1;
        }
      }
    }
  }
}

/** Runs a task for each item, some at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: width }, work));
}
