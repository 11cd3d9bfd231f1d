import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KubeMesh } from './kube-mesh.ts';

/** What a client of kube-xds-main.ts claims, shows and asks for. */
export interface XdsAttempt {
  /** Of the replica. */
  readonly address: string;
  /** PEM. */
  readonly roots: string;
  readonly token: string;
  /** The pod that it claims to be. */
  readonly pod: string;
  readonly namespace: string;
  readonly type: string;
  readonly names: readonly string[];
  /** The words with which it refuses all that it gets; '' to accept it. */
  readonly refuses: string;
}

/** What it prints. `code` is gRPC's. */
export type XdsLine =
  | { readonly type: string; readonly names: readonly string[] }
  | { readonly code: number; readonly details: string };

/** A stream that somebody opens from a pod; it is held until the value ends. */
export class HeldStream implements AsyncDisposable {
  /** The first thing that came. */
  readonly first: Promise<XdsLine>;
  readonly #child;
  readonly #closed: Promise<unknown>;

  constructor(mesh: KubeMesh, from: string, attempt: XdsAttempt) {
    const main = fileURLToPath(new URL('./kube-xds-main.ts', import.meta.url));
    const child = mesh.sandbox.spawn(from, [mesh.sandbox.insidePath('bin/node'), main]);
    this.#child = child;
    this.#closed = once(child, 'close');
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString('utf8');
    });
    const { promise, resolve, reject } = Promise.withResolvers<XdsLine>();
    createInterface({ input: child.stdout }).on('line', (line) => resolve(JSON.parse(line)));
    child.once('close', () => reject(new Error(`the xDS client ended: ${complaints}`)));
    promise.catch(() => undefined);
    this.first = promise;
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify(attempt)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
