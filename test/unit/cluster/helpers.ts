import { setImmediate } from 'node:timers/promises';
import type { KubeClient, KubeRequest } from '../../../src/kube/client.ts';
import { isKubeObject, type KubeObject } from '../../../src/kube/object.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import type { Logger } from '../../../src/lib/log.ts';

export type Handler = (method: string, path: string, options: KubeRequest) => unknown;

/** A Kubernetes API that is one function; what it throws is what the client throws. */
export function fakeClient(handle: Handler): KubeClient {
  const ask = async (method: string, path: string, options: KubeRequest = {}): Promise<unknown> => {
    await setImmediate();
    return await handle(method, path, options);
  };
  const object = async (answer: Promise<unknown>): Promise<KubeObject> => {
    const value = await answer;
    if (isKubeObject(value)) return value;
    throw new Error('the fake gave no object');
  };
  return {
    server: 'https://fake',
    namespace: 'default',
    request: ask,
    stream: () => Promise.reject(new MeshError('unavailable', 'the fake has no watch')),
    get: (path, query = {}) => object(ask('GET', path, { query })),
    create: (path, body) => object(ask('POST', path, { body })),
    replace: (path, body) => object(ask('PUT', path, { body })),
    apply: (path, body, { fieldManager, force }) =>
      object(ask('PATCH', path, { body, query: { fieldManager, force }, contentType: 'application/apply-patch+yaml' })),
    async remove(path, options = {}) {
      try {
        await ask('DELETE', path, { body: options });
        return true;
      } catch (thrown) {
        if (MeshError.from(thrown).code === 'not-found') return false;
        throw thrown;
      }
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** Lets what is under way go on, until a condition holds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (condition()) return;
    await setImmediate();
  }
  throw new Error(`${what} does not hold`);
}

/** Lets all that is under way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
}

/** A logger that keeps what it gets: `error: message {fields}`. */
export function listLogger(lines: string[]): Logger {
  const line =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  return {
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => listLogger(lines),
  };
}
