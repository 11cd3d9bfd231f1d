import type { ConfigSource, SourceEvent } from '../../src/config/source.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';

/** A source that says what it's told to, at once: the bench measures what comes after a watch. */
export class PushedSource implements ConfigSource {
  readonly #batches: (readonly SourceEvent[])[];
  #wake: () => void = () => undefined;

  constructor(objects: readonly MeshObject[]) {
    this.#batches = [[{ type: 'reset', objects }, { type: 'synced' }]];
  }

  push(batch: readonly SourceEvent[]): void {
    this.#batches.push(batch);
    this.#wake();
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        yield batch;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
