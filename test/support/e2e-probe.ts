import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { HttpAnswer, NoAnswer, ProbeOperation, ProbeOperations, ProbeReply } from './e2e-probe-types.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Makes calls as one pod does, many at a time; the other half is `test/e2e/apps/probe.ts`, inside. */
export class Probe implements AsyncDisposable {
  readonly pod: string;
  readonly #child: ReturnType<Sandbox['spawn']>;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #complaints = '';

  constructor(sandbox: Sandbox, pod: string) {
    this.pod = pod;
    this.#child = sandbox.spawn(pod, [sandbox.insidePath('bin/node'), sandbox.insidePath('apps/0/probe.ts')]);
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints += chunk.toString('utf8');
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { id, gives, failed }: ProbeReply = JSON.parse(line);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failed === undefined) waiting?.resolve(gives);
      else waiting?.reject(new Error(`${this.pod}: ${failed}`));
    });
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`the probe in ${this.pod} ended: ${this.#complaints}`));
      }
    });
  }

  ask<O extends ProbeOperation>(op: O, needs: ProbeOperations[O]['needs']): Promise<ProbeOperations[O]['gives']> {
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#child.stdin.write(`${JSON.stringify({ id, op, needs })}\n`);
    // The other half answers by the same table of types.
    return promise as Promise<ProbeOperations[O]['gives']>;
  }

  /** A page of the admin port of the Envoy beside it. */
  async envoy(path: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
    const answer = await this.ask('http', { host: '127.0.0.1', port: 15_000, path, method });
    if (!isAnswer(answer) || answer.status !== 200) {
      throw new Error(`${this.pod}: Envoy's ${path}: ${JSON.stringify(answer)}`);
    }
    return answer.body;
  }

  /** Statistics whose names match, by name. */
  async stats(filter: string): Promise<Readonly<Record<string, number>>> {
    const text = await this.envoy(`/stats?filter=${encodeURIComponent(filter)}`);
    const pairs = text
      .trim()
      .split('\n')
      .flatMap((line) => {
        const colon = line.lastIndexOf(': ');
        const value = Number(line.slice(colon + 2));
        return colon < 0 || Number.isNaN(value) ? [] : [[line.slice(0, colon), value] as const];
      });
    return Object.fromEntries(pairs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
  }
}

export function isAnswer(answer: HttpAnswer | NoAnswer): answer is HttpAnswer {
  return 'status' in answer;
}
