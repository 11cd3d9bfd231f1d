import { podAddress } from '../addressing.ts';

const mostFresh = 60_000;

/** Hands out numbers to pods, and the addresses that follow from them. One that was given back is used again last. */
export class PodAddresses {
  readonly #free: number[] = [];
  #next = 0;

  /** Addresses that were never used come first, so that who remembers an old one doesn't meet another pod there. */
  take(): { readonly index: number; readonly ip: string } {
    const fresh = this.#next < mostFresh;
    const index = fresh ? this.#next : (this.#free.shift() ?? this.#next);
    if (index === this.#next) this.#next += 1;
    return { index, ip: podAddress(index) };
  }

  giveBack(index: number): void {
    this.#free.push(index);
  }
}
