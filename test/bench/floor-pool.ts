import { GrpcConnection, grpcFrame } from '../support/bench-h2.ts';

/** As long as an ACK of ours. */
const ack = grpcFrame([Buffer.alloc(96, 'a')]);

/** Clients that take bytes and answer each message, and know nothing of xDS. */
export class FloorPool {
  readonly #clients: number;
  #connections: GrpcConnection[] = [];
  #messages = 0;
  #last = 0n;

  constructor(clients: number) {
    this.#clients = clients;
  }

  connect(port: number): void {
    this.#messages = 0;
    this.#connections = Array.from({ length: this.#clients }, (_, index) => {
      const connection: GrpcConnection = new GrpcConnection(port, '/floor.Floor/Stream', {
        message: () => {
          connection.send(ack);
          connection.flush();
          this.#messages += 1;
          this.#last = process.hrtime.bigint();
        },
        closed: () => undefined,
      });
      const name = Buffer.alloc(4);
      name.writeUInt32BE(index);
      connection.send(grpcFrame([name]));
      connection.flush();
      return connection;
    });
  }

  drop(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
  }

  /** Waits for so many messages; when the last of them was answered. */
  async settled(messages: number): Promise<bigint> {
    const end = performance.now() + 60_000;
    while (this.#messages < messages) {
      if (performance.now() > end) throw new Error(`the bare server sent ${this.#messages} of ${messages} messages`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    this.#messages = 0;
    return this.#last;
  }
}
