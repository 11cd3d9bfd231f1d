import type { KubeClient, KubeRequest, KubeStream, Query } from '../../src/kube/client.ts';
import { connectionError } from '../../src/kube/errors.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { MeshError } from '../../src/lib/errors.ts';

/** A request that the code under test has made and that waits for the test's answer. */
export interface Asked {
  readonly kind: 'request' | 'watch';
  readonly path: string;
  readonly query: Query;
  /** Answers a request with this JSON. */
  readonly answer: (value: unknown) => void;
  /** Accepts a watch. */
  readonly open: () => OpenWatch;
  readonly fail: (error: MeshError) => void;
}

/** The server's end of a watch. */
export interface OpenWatch {
  readonly send: (chunk: string | Uint8Array) => void;
  readonly end: () => void;
  readonly break: () => void;
  /** Chunks that were sent and that nobody has asked for yet. */
  readonly unread: number;
  readonly closed: boolean;
}

/** A Kubernetes API whose every answer a test gives by hand: nothing happens that the test did not say. */
export class ScriptedKube implements KubeClient {
  readonly server = 'scripted';
  readonly namespace = 'default';
  readonly clock = new FakeClock();
  readonly #asked: Asked[] = [];

  /** The next unanswered request; waits for it, without moving the clock. */
  async next(): Promise<Asked> {
    return (await this.nextWithin(0)).asked;
  }

  /** The next unanswered request, and how many ms of the clock it took to come. Throws if it takes longer than `ms`. */
  async nextWithin(ms: number): Promise<{ readonly asked: Asked; readonly after: number }> {
    const start = this.clock.now();
    for (;;) {
      for (let turn = 0; turn < 20; turn++) {
        const asked = this.#asked.shift();
        if (asked !== undefined) return { asked, after: this.clock.now() - start };
        await turnOfLoop();
      }
      if (this.clock.now() - start >= ms) throw new Error(`no request within ${ms} ms`);
      this.clock.advance(Math.min(100, start + ms - this.clock.now()));
    }
  }

  get unanswered(): number {
    return this.#asked.length;
  }

  request(_method: string, path: string, { query = {}, signal }: KubeRequest = {}): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    onAbort(signal, () => reject(connectionError(path, new Error('aborted'))));
    this.#ask({ kind: 'request', path, query, answer: resolve, fail: reject, open: refuse });
    return promise;
  }

  stream(path: string, query: Query, signal: AbortSignal): Promise<KubeStream> {
    const { promise, resolve, reject } = Promise.withResolvers<KubeStream>();
    onAbort(signal, () => reject(connectionError(path, new Error('aborted'))));
    const open = (): OpenWatch => {
      const watch = new ScriptedWatch(signal);
      resolve(watch);
      return watch;
    };
    this.#ask({ kind: 'watch', path, query, answer: refuse, fail: reject, open });
    return promise;
  }

  get(): Promise<KubeObject> {
    return refuse();
  }

  create(): Promise<KubeObject> {
    return refuse();
  }

  replace(): Promise<KubeObject> {
    return refuse();
  }

  apply(): Promise<KubeObject> {
    return refuse();
  }

  remove(): Promise<boolean> {
    return refuse();
  }

  [Symbol.dispose](): void {
    this.#asked.length = 0;
  }

  #ask(asked: Asked): void {
    this.#asked.push(asked);
  }
}

class ScriptedWatch implements OpenWatch, KubeStream {
  readonly #signal: AbortSignal;
  readonly #chunks: (Uint8Array | 'end' | 'break')[] = [];
  #wake: (() => void) | undefined;
  closed = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    onAbort(signal, () => this.#wake?.());
  }

  get unread(): number {
    return this.#chunks.length;
  }

  send(chunk: string | Uint8Array): void {
    this.#push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  }

  end(): void {
    this.#push('end');
  }

  break(): void {
    this.#push('break');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (this.#signal.aborted) throw connectionError('watch', new Error('aborted'));
        if (chunk === 'end') return;
        if (chunk === 'break') throw connectionError('watch', new Error('socket hang up'));
        if (chunk !== undefined) yield chunk;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      this.closed = true;
    }
  }

  #push(chunk: Uint8Array | 'end' | 'break'): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }
}

/** One line of a watch. */
export function watchLine(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** A Status in a watch, as the API server sends one. */
export function watchFailure(code: number): string {
  return watchLine('ERROR', { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: `failure ${code}` });
}

export function statusError(code: MeshError['code'], message = `refused: ${code}`): MeshError {
  return new MeshError(code, message);
}

/** What an iterator gives, one value after the other; collects in the background only while somebody waits. */
export class Taken<T> {
  readonly #iterator: AsyncIterator<T>;

  constructor(iterable: AsyncIterable<T>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  /** Asks for a value; the answer may take until the test has answered requests. */
  next(): Promise<T | undefined> {
    return this.#iterator.next().then(({ done, value }) => (done === true ? undefined : value));
  }
}

/** Lets everything that is ready run. */
export async function turnOfLoop(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

function onAbort(signal: AbortSignal | undefined, task: () => void): void {
  if (signal?.aborted === true) task();
  else signal?.addEventListener('abort', task, { once: true });
}

function refuse(): never {
  throw new Error('not part of this script');
}
