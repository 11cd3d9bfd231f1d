import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TypeUrl } from '../../src/model/ids.ts';
import { pushOrder } from '../../src/model/type-urls.ts';
import { type DeltaResponse, type DeltaStream, deltaWords, node, XdsClient } from './xds-grpc.ts';

/** Several replicas behind one address: each new connection goes to one of them, as a Service of Kubernetes does it. */
export class LoadBalancer implements AsyncDisposable {
  readonly port: number;
  /** Ports of the replicas that take new connections. */
  targets: readonly number[];
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #draw: () => number;

  private constructor(server: Server, port: number, targets: readonly number[], draw: () => number) {
    this.#server = server;
    this.port = port;
    this.targets = targets;
    this.#draw = draw;
    server.on('connection', (socket: Socket) => this.#join(socket));
  }

  static async start(targets: readonly number[], draw: () => number): Promise<LoadBalancer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LoadBalancer(server, portOf(server), targets, draw);
  }

  #join(client: Socket): void {
    this.connections++;
    const target = this.targets[Math.floor(this.#draw() * this.targets.length)] ?? 0;
    const server = connect(target, '127.0.0.1');
    const both = [client, server];
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const each of both) each.destroySoon();
      });
    }
    client.pipe(server);
    server.pipe(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function portOf(server: Server): number {
  const bound: AddressInfo | string | null = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

/** Numbers in [0, 1) that look random and are the same in each run (a linear congruential generator). */
export function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How one stream of a {@link Sidecar} ended. */
export interface Ending {
  readonly code: number;
  readonly details: string;
}

/**
 * A client that acts as an Envoy does: keeps what it has when a stream ends, comes back soon, and says then what it holds.
 * It asks for everything of each type.
 */
export class Sidecar implements Disposable {
  readonly held = new Map<TypeUrl, Map<string, { readonly version: string; readonly body: Uint8Array }>>();
  /** What the stream that is open got: `CDS+ name` and `CDS- name`, with the short names of types. */
  got: string[] = [];
  readonly endings: Ending[] = [];
  responses = 0;
  opened = 0;
  readonly #client: XdsClient;
  readonly #node: ReturnType<typeof node>;
  readonly #token: string;
  readonly #types: readonly TypeUrl[];
  readonly #retryMs: number;
  #over = false;

  constructor(
    port: number,
    name: string,
    options: {
      readonly namespace?: string;
      readonly metadata?: Readonly<Record<string, string>>;
      readonly token?: string;
      readonly types?: readonly TypeUrl[];
      readonly retryMs?: number;
    } = {},
  ) {
    this.#client = new XdsClient(port);
    this.#node = node(name, options.namespace ?? 'shop', options.metadata);
    this.#token = options.token ?? '';
    this.#types = options.types ?? pushOrder;
    this.#retryMs = options.retryMs ?? 5;
    this.#open();
  }

  /** `name version` of all that it holds of a type. */
  versions(type: TypeUrl): Readonly<Record<string, string>> {
    return Object.fromEntries([...(this.held.get(type) ?? [])].map(([name, { version }]) => [name, version]));
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#client[Symbol.dispose]();
  }

  #open(): void {
    if (this.#over) return;
    this.opened++;
    this.got = [];
    const stream = this.#client.delta(this.#token);
    for (const [index, typeUrl] of this.#types.entries()) {
      stream.send({
        ...(index === 0 ? { node: this.#node } : {}),
        typeUrl,
        resourceNamesSubscribe: ['*'],
        initialResourceVersions: this.versions(typeUrl),
      });
    }
    void this.#read(stream);
    void stream.raw.status.then(({ code, details }) => {
      if (this.#over) return;
      this.endings.push({ code, details });
      setTimeout(() => this.#open(), this.#retryMs);
    });
  }

  async #read(stream: DeltaStream): Promise<void> {
    for (;;) {
      const response = await stream.accept().catch(() => undefined);
      if (response === undefined) return;
      this.#take(response);
    }
  }

  #take(response: DeltaResponse): void {
    this.responses++;
    const { type, removed } = deltaWords(response);
    const typeUrl = this.#types.find((each) => each === type);
    if (typeUrl === undefined) return;
    const held = this.held.get(typeUrl) ?? new Map();
    this.held.set(typeUrl, held);
    for (const { name = '', version = '', resource } of response.resources ?? []) {
      this.got.push(`+ ${name}`);
      held.set(name, { version, body: resource?.value ?? new Uint8Array() });
    }
    for (const name of removed) {
      this.got.push(`- ${name}`);
      held.delete(name);
    }
  }
}
