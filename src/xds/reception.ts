import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { Admission } from './admission.ts';
import { type Connections, type Link, retire } from './connections.ts';
import type { XdsCounters } from './counters.ts';
import type { XdsStream } from './stream.ts';

/** A stream that wants in. */
export interface Arrival {
  readonly stream: XdsStream;
  /** The connection it came on, where that is known. */
  readonly link: Link | undefined;
  /** What ends with the stream. */
  readonly held: DisposableStack;
  /** Starts to read what the client says. */
  listen(): void;
  /** Reads it to the end, for nobody. */
  discard(): void;
}

const reasons = {
  full: 'this replica is full: try another',
  busy: 'too many streams open at once: try again',
} as const;

/** Between the transport and a stream: lets it in when it is its turn, there is room, and it proved who it is. */
export class Reception {
  readonly #admission: Admission;
  readonly #connections: Connections;
  readonly #counters: XdsCounters;
  readonly #clock: Clock;

  constructor(admission: Admission, connections: Connections, counters: XdsCounters, clock: Clock) {
    this.#admission = admission;
    this.#connections = connections;
    this.#counters = counters;
    this.#clock = clock;
  }

  receive(arrival: Arrival): void {
    const { stream, link, held } = arrival;
    if (link !== undefined) {
      held.use(this.#connections.join(link, stream));
    }
    const ticket = this.#admission.ask();
    if (ticket.kind === 'refuse') {
      this.#turnAway(arrival, ticket.reason);
    } else if (ticket.afterMs === 0) {
      this.#admit(arrival);
    } else {
      held.use(this.#clock.after(ticket.afterMs, () => this.#admit(arrival)));
    }
  }

  #admit(arrival: Arrival): void {
    const { stream, held } = arrival;
    stream.authenticate().then(
      (mayGoOn) => {
        const makeRoom = (): void => this.#turnAway(arrival, 'full');
        const place = mayGoOn ? this.#admission.enter(stream.owner, makeRoom) : undefined;
        if (place !== undefined) {
          held.use(place);
          arrival.listen();
          return;
        }
        if (mayGoOn) {
          this.#turnAway(arrival, 'full');
        }
        arrival.discard();
      },
      (thrown: unknown) => stream.end(MeshError.from(thrown)),
    );
  }

  /** The client tries again by itself. With this connection gone it may find another replica, behind the same address. */
  #turnAway({ stream, link }: Arrival, reason: 'full' | 'busy'): void {
    if (reason === 'full') {
      this.#counters.turnedAwayFull++;
    } else {
      this.#counters.turnedAwayBusy++;
    }
    stream.end(new MeshError('unavailable', reasons[reason]));
    if (link !== undefined) {
      retire(link);
    }
  }
}
