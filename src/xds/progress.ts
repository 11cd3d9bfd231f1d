import type { TypeUrl } from '../model/ids.ts';
import type { TypeState } from './state.ts';
import { settled, whole } from './status.ts';

/**
 * Up to which generation of the configuration one stream's client has acknowledged each type, and what it said about what it
 * refused. Exact under constant change: a client that always has something to get still gets on.
 */
export class Progress {
  readonly #generation: () => number;
  /** Generation that each type's last response was made of. */
  readonly #sent = new Map<TypeUrl, number>();
  readonly #reached = new Map<TypeUrl, number>();
  readonly #words = new Map<TypeUrl, string>();

  /** `generation`: of what is compiled now, and everybody told of. */
  constructor(generation: () => number) {
    this.#generation = generation;
  }

  /** There may be something new for a type. Called while `generation` still is the one before. */
  changed(state: TypeState, pending: boolean): void {
    if (settled(state, pending)) this.#reached.set(state.type, this.#generation());
  }

  sent(type: TypeUrl): void {
    this.#sent.set(type, this.#generation());
  }

  /** A response was acknowledged, which led to `state`. */
  acknowledged(state: TypeState | undefined): void {
    if (state === undefined || !whole(state)) return;
    this.#words.delete(state.type);
    this.#reached.set(state.type, this.#sent.get(state.type) ?? 0);
  }

  refused(type: TypeUrl, words: string): void {
    this.#words.set(type, words);
  }

  /** For `typeStatus`. */
  notes(type: TypeUrl): { readonly generation: number; readonly reached: number; readonly words: string } {
    return {
      generation: this.#generation(),
      reached: this.#reached.get(type) ?? 0,
      words: this.#words.get(type) ?? '',
    };
  }
}
