import type { TypeUrl } from '../../src/model/ids.ts';
import { shortTypeNames } from '../../src/model/type-urls.ts';
import type { Workload } from '../../src/model/workload.ts';
import { BenchClient } from './bench-client.ts';
import { ResponseReader } from './bench-response.ts';

/** What came since {@link BenchPool.mark}. */
export interface Received {
  /** Clients that got anything. */
  readonly touched: number;
  readonly messages: number;
  readonly bytes: number;
  /** Resources and removals, by short type name. */
  readonly resources: Readonly<Record<string, number>>;
  /** When the last ACK was written: ns on the clock that all processes share. */
  readonly lastAck: bigint;
  /** Bytes of requests, ACKs among them. */
  readonly sentBytes: number;
  readonly failures: readonly string[];
}

/** What became of clients whose server ended their streams. */
export interface Moved {
  readonly clients: number;
  /** When the last of them came again: ns on the clock that all processes share. */
  readonly last: bigint;
}

/** When a client answered: for the lag of single changes. */
export interface Answer {
  readonly client: number;
  readonly at: bigint;
}

/** A thousand Envoys, as far as the control plane can tell. */
export class BenchPool {
  readonly clients: readonly BenchClient[];
  #port = 0;
  #follows = false;
  #moved = new Set<number>();
  #lastMove = 0n;
  #touched = new Map<number, number[]>();
  #messages = 0;
  #bytes = 0;
  #resources = new Map<string, number>();
  #lastAck = 0n;
  #lastMessage = 0;
  #sentBytes = 0;
  #answers: Answer[] = [];

  constructor(workloads: readonly Workload[]) {
    const shared = {
      reader: new ResponseReader(),
      port: () => this.#port,
      sent: (bytes: number) => {
        this.#sentBytes += bytes;
      },
      ended: ({ index }: BenchClient) => {
        if (!this.#follows) return false;
        this.#moved.add(index);
        this.#lastMove = process.hrtime.bigint();
        return true;
      },
      held: new Map<string, Buffer>(),
      answered: (
        client: BenchClient,
        response: { readonly type: string; readonly count: number; readonly removed: readonly string[] },
        bytes: number,
      ) => {
        this.#lastAck = process.hrtime.bigint();
        this.#lastMessage = performance.now();
        this.#messages += 1;
        this.#bytes += bytes;
        const count = response.count + response.removed.length;
        // An empty answer only says that somebody is there.
        if (count === 0) return;
        const sizes = this.#touched.get(client.index);
        if (sizes === undefined) this.#touched.set(client.index, [bytes]);
        else sizes.push(bytes);
        const type = shortTypeNames[response.type as TypeUrl] ?? response.type;
        this.#resources.set(type, (this.#resources.get(type) ?? 0) + count);
        this.#answers.push({ client: client.index, at: this.#lastAck });
      },
    };
    this.clients = workloads.map((workload, index) => new BenchClient(index, workload, shared));
  }

  /** All at once, as newcomers. */
  connect(port: number): void {
    this.#port = port;
    for (const client of this.clients) client.connect();
  }

  drop(): void {
    for (const client of this.clients) client.close();
  }

  prepare(): void {
    for (const client of this.clients) client.prepare();
  }

  /** All at once, with what they hold. */
  reconnect(): void {
    for (const client of this.clients) client.reconnect();
  }

  /** From here on, whoever is sent away goes to this port. */
  follow(port: number): void {
    this.#port = port;
    this.#follows = true;
    this.#moved = new Set();
  }

  moved(): Moved {
    return { clients: this.#moved.size, last: this.#lastMove };
  }

  mark(): void {
    this.#touched = new Map();
    this.#messages = 0;
    this.#bytes = 0;
    this.#resources = new Map();
    this.#lastAck = 0n;
    this.#lastMessage = 0;
    this.#sentBytes = 0;
    this.#answers = [];
  }

  received(): Received {
    return {
      touched: this.#touched.size,
      messages: this.#messages,
      bytes: this.#bytes,
      resources: Object.fromEntries([...this.#resources].sort()),
      lastAck: this.#lastAck,
      sentBytes: this.#sentBytes,
      failures: [...new Set(this.clients.map(({ failure }) => failure).filter((failure) => failure !== ''))],
    };
  }

  answers(): readonly Answer[] {
    return this.#answers;
  }

  /** Sizes of the messages that each client got since the mark, in order. */
  sizes(): readonly (readonly number[])[] {
    return this.clients.map(({ index }) => this.#touched.get(index) ?? []);
  }

  /** Waits until `touched` clients got something (or all have everything), and then nothing came for `quietMs`. */
  async settled(wait: {
    readonly quietMs: number;
    readonly touched?: number;
    readonly ready?: boolean;
    readonly timeoutMs?: number;
  }): Promise<Received> {
    const end = performance.now() + (wait.timeoutMs ?? 60_000);
    for (;;) {
      const { failures } = this.received();
      if (failures.length > 0) throw new Error(`a client lost its connection: ${failures.join(', ')}`);
      const enough =
        this.#touched.size >= (wait.touched ?? 1) && (wait.ready !== true || this.clients.every(({ ready }) => ready));
      const left = this.#lastMessage + wait.quietMs - performance.now();
      if (enough && left <= 0) return this.received();
      if (performance.now() > end) throw new Error(`not settled in time: ${this.#touched.size} clients got something`);
      await new Promise((resolve) => setTimeout(resolve, enough ? Math.max(1, left) : 10));
    }
  }
}
