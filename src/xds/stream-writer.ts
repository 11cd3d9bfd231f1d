import { MeshError } from '../lib/errors.ts';
import { count, type XdsCounters } from './counters.ts';
import type { MessageParts } from './message-parts.ts';
import type { SendBudget } from './send-budget.ts';
import type { Payload } from './state.ts';

/** What the writer needs of a stream. */
export interface WriterOwner {
  readonly budget: SendBudget;
  readonly counters: XdsCounters;
  write(message: MessageParts, flushed: () => void): void;
  /** There is room again. */
  resume(): void;
  /** The client does not take what it's sent. */
  stalled(error: MeshError): void;
}

/** The way out of one stream: takes a response only when there is room for it, on this stream and on all together. */
export class StreamWriter implements Disposable {
  readonly #owner: WriterOwner;
  readonly #unflushed = new Set<Disposable>();
  readonly #resume = (): void => this.#owner.resume();
  #bytes = 0;

  constructor(owner: WriterOwner) {
    this.#owner = owner;
  }

  /** Whether a response may be written now; if not, the stream is called when it may. */
  ready(): boolean {
    const { budget } = this.#owner;
    if (this.#bytes >= budget.limits.perStream) {
      return false;
    }
    if (!budget.open) {
      budget.wait(this.#resume);
      return false;
    }
    return true;
  }

  send(payload: Payload): void {
    const { budget, counters } = this.#owner;
    const message = payload.message();
    const size = message.byteLength;
    const spent = budget.spend(size, (how) => this.#overdue(how));
    this.#unflushed.add(spent);
    this.#bytes += size;
    count(counters.pushes, payload.type);
    counters.sentBytes += size;
    counters.sentResources += payload.content.resources.length;
    this.#owner.write(message, () => {
      spent[Symbol.dispose]();
      this.#unflushed.delete(spent);
      const full = this.#bytes >= budget.limits.perStream;
      this.#bytes -= size;
      if (full) {
        this.#owner.resume();
      }
    });
  }

  [Symbol.dispose](): void {
    this.#owner.budget.leave(this.#resume);
    for (const each of this.#unflushed) {
      each[Symbol.dispose]();
    }
    this.#unflushed.clear();
  }

  #overdue(how: 'slow' | 'stalled'): void {
    if (how === 'slow') {
      this.#owner.counters.slow++;
    } else {
      this.#owner.counters.stalled++;
      this.#owner.stalled(new MeshError('unavailable', 'client does not read'));
    }
  }
}
