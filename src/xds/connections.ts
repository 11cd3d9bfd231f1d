import type { Clock } from '../lib/clock.ts';

/** An HTTP/2 connection, as far as its end matters here; Node's server session is one. */
export interface Link {
  readonly closed: boolean;
  /** Sends GOAWAY: its streams go on, the client opens the next one elsewhere, and it closes with the last of them. */
  close(): void;
  /** Cuts it. */
  destroy(): void;
  once(event: 'close', listener: () => void): unknown;
}

/** A stream that can be asked to end soon, without an error. */
export interface Leaver {
  leave(): void;
}

/** How long connections live. */
export interface AgeLimits {
  /** Counted from the first stream; 0: for ever. Each connection draws its own age, once, within a tenth of it either way. */
  readonly maxAgeMs: number;
  /** After this a client that does not let go of a connection that is too old is cut off. */
  readonly lingerMs: number;
}

/** Half an hour: a replica that joins has its share after that, and a sidecar pays one reconnect of a few hundred bytes for it. */
export const defaultAgeLimits: AgeLimits = { maxAgeMs: 30 * 60_000, lingerMs: 10_000 };

const spread = 0.1;

/**
 * Ends connections when they are old, so that clients spread anew over the replicas: a connection that lasted for ever
 * would leave a replica that joins without work. grpc-js can do this too, but knows nothing of our streams: it cuts them in
 * the middle of a response, which a client takes for a failure, and it can't be tested without waiting.
 */
export class Connections implements Disposable {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: AgeLimits;
  readonly #aged: () => void;
  readonly #known = new Map<Link, Set<Leaver>>();
  readonly #timers = new Set<Disposable>();

  /** `random` draws from [0, 1); `aged` hears of each connection that is ended for its age. */
  constructor(clock: Clock, random: () => number, limits: AgeLimits, aged: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#aged = aged;
  }

  /** Connections whose age counts now. */
  get size(): number {
    return this.#known.size;
  }

  /** A stream opened on a connection; dispose when it is over. */
  join(link: Link, stream: Leaver): Disposable {
    if (this.#limits.maxAgeMs === 0) {
      return { [Symbol.dispose]: () => undefined };
    }
    const streams = this.#known.get(link) ?? this.#open(link);
    streams.add(stream);
    return { [Symbol.dispose]: () => streams.delete(stream) };
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) {
      timer[Symbol.dispose]();
    }
    this.#timers.clear();
    this.#known.clear();
  }

  #open(link: Link): Set<Leaver> {
    const streams = new Set<Leaver>();
    this.#known.set(link, streams);
    const ageMs = this.#limits.maxAgeMs * (1 - spread + 2 * spread * this.#random());
    let timer = this.#arm(ageMs, () => {
      this.#aged();
      // GOAWAY goes first, so that whoever comes back at once does so on a new connection.
      retire(link);
      for (const stream of [...streams]) {
        stream.leave();
      }
      timer = this.#arm(this.#limits.lingerMs, () => link.destroy());
    });
    link.once('close', () => {
      timer[Symbol.dispose]();
      this.#known.delete(link);
    });
    return streams;
  }

  #arm(delayMs: number, task: () => void): Disposable {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(entry);
      task();
    });
    const entry: Disposable = {
      [Symbol.dispose]: () => {
        this.#timers.delete(entry);
        timer[Symbol.dispose]();
      },
    };
    this.#timers.add(entry);
    return entry;
  }
}

/** Asks the client to take its next stream elsewhere; those that it has on this connection are left alone. */
export function retire(link: Link): void {
  if (!link.closed) {
    link.close();
  }
}

/**
 * The connection under a call of grpc-js (1.14.7), which has no way to ask for it: the call holds an inner call, that holds the
 * stream of HTTP/2. Where a later grpc-js has it elsewhere the answer is undefined, connections live for ever, and a test fails.
 */
export function linkOf(call: unknown): Link | undefined {
  const session = field(field(field(call, 'call'), 'stream'), 'session');
  return isLink(session) ? session : undefined;
}

function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}

function isLink(value: unknown): value is Link {
  return ['close', 'destroy', 'once'].every((name) => typeof field(value, name) === 'function');
}
