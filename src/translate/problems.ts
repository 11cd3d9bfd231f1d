import { MeshError } from '../lib/errors.ts';
import type { Finding } from '../model/finding.ts';

/** What could not be compiled: a bug of ours, that costs one service or view its update and no other. */
export class Problems {
  readonly #found = new Map<string, Finding>();

  get findings(): readonly Finding[] {
    return [...this.#found.values()];
  }

  /** Publishes whole or not at all: what fails to build keeps its last good state, and says so. */
  guard<T, D>(what: string, build: () => T, lastGood: D): T | D {
    try {
      const built = build();
      this.#found.delete(what);
      return built;
    } catch (thrown) {
      const { message } = MeshError.from(thrown);
      this.#found.set(what, {
        severity: 'error',
        code: 'not-compiled',
        object: '',
        origin: { kind: 'cluster', cluster: 'compiled' },
        field: '',
        message: `${what} can't be compiled and keeps what it had: ${message}`,
        hint: 'this is a bug of Coxswain: please report it',
      });
      return lastGood;
    }
  }

  /** It's gone, or starts anew. */
  forget(what: string): void {
    this.#found.delete(what);
  }

  clear(): void {
    this.#found.clear();
  }
}
