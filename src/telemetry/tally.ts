/** Messages of one workload that were not read. */
export interface Dropped {
  readonly messages: number;
  readonly bytes: number;
}

/** Totals since the start. */
export interface Totals {
  readonly messages: number;
  readonly entries: number;
  readonly dropped: Dropped;
  /** Messages that are none of the protocol's. */
  readonly malformed: number;
  /** Entries about policies that this control plane doesn't know. */
  readonly unknown: number;
  readonly shadowAllowed: number;
  readonly shadowDenied: number;
}

const maxNamed = 256;

/** What the collector counts of its own work. */
export class Tally {
  messages = 0;
  entries = 0;
  malformed = 0;
  unknown = 0;
  shadowAllowed = 0;
  shadowDenied = 0;
  #dropped: Dropped = { messages: 0, bytes: 0 };
  readonly #droppers = new Map<string, Dropped>();

  /** A message that was not read. */
  drop(workload: string, bytes: number): void {
    this.#dropped = plus(this.#dropped, bytes);
    const name = this.#droppers.has(workload) || this.#droppers.size < maxNamed ? workload : '*';
    this.#droppers.set(name, plus(this.#droppers.get(name) ?? { messages: 0, bytes: 0 }, bytes));
  }

  /** Whose messages were dropped; `*` for those of whom there were too many to name. */
  get droppers(): ReadonlyMap<string, Dropped> {
    return this.#droppers;
  }

  get totals(): Totals {
    const { messages, entries, malformed, unknown, shadowAllowed, shadowDenied } = this;
    return { messages, entries, dropped: this.#dropped, malformed, unknown, shadowAllowed, shadowDenied };
  }
}

function plus({ messages, bytes }: Dropped, more: number): Dropped {
  return { messages: messages + 1, bytes: bytes + more };
}
