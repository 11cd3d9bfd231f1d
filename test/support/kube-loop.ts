import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from './sandbox.ts';

export interface LoopResult {
  readonly passed: number;
  /** What came instead of 200, each with its time. */
  readonly failed: readonly string[];
}

/** Requests that a pod makes one after the other, each over a connection of its own; the other half is kube-loop-main.ts. */
export class RequestLoop implements AsyncDisposable {
  readonly #child: ReturnType<Sandbox['spawn']>;
  readonly #failed: string[] = [];
  readonly #closed: Promise<unknown>;
  #passed = 0;
  #complaints = '';

  constructor(child: ReturnType<Sandbox['spawn']>) {
    this.#child = child;
    this.#closed = once(child, 'close');
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints += chunk.toString('utf8');
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === '200') this.#passed += 1;
      else this.#failed.push(`${new Date().toISOString()} ${line}`);
    });
  }

  get passed(): number {
    return this.#passed;
  }

  /** Waits until so many more requests have passed: by then what was changed before has been asked for. */
  async more(count: number): Promise<void> {
    const goal = this.#passed + count;
    await eventually(`${count} more requests`, () => (this.#passed >= goal ? true : undefined), 20_000);
  }

  /** Ends it after the request that is under way. */
  async end(): Promise<LoopResult> {
    this.#child.stdin.end();
    await this.#closed;
    if (this.#complaints !== '') throw new Error(`the request loop complains: ${this.#complaints}`);
    return { passed: this.#passed, failed: this.#failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
