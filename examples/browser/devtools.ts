import type { Readable, Writable } from 'node:stream';
import { isRecord } from '../../src/lib/is-record.ts';
import { type JsonObject, numberIn, objectIn, textIn } from '../../src/lib/json-fields.ts';

interface Waiting {
  readonly resolve: (result: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The DevTools protocol over Chromium's pair of pipes (`--remote-debugging-pipe`): JSON messages, each ended by a zero
 * byte. Pipes rather than a port, so that nobody else on the machine can drive the browser, and two never meet.
 */
export class Devtools {
  readonly #toChromium: Writable;
  readonly #waiting = new Map<number, Waiting>();
  #pending = '';
  #sent = 0;
  #end: Error | undefined;

  constructor(toChromium: Writable, fromChromium: Readable) {
    this.#toChromium = toChromium;
    toChromium.on('error', (error) => this.close(error));
    fromChromium.setEncoding('utf8');
    fromChromium.on('data', (chunk: string) => this.#receive(chunk));
    fromChromium.on('close', () => this.close(new Error('chromium ended')));
  }

  /** Asks, of the browser itself or of one of its pages (`session`), and waits for the answer. */
  async ask(method: string, params: JsonObject = {}, session = ''): Promise<JsonObject> {
    if (this.#end !== undefined) throw this.#end;
    this.#sent += 1;
    const id = this.#sent;
    const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
    this.#waiting.set(id, { resolve, reject });
    const message = { id, method, params, ...(session === '' ? {} : { sessionId: session }) };
    this.#toChromium.write(`${JSON.stringify(message)}\0`);
    return await promise;
  }

  /** Whoever still waits for an answer is told why none comes. */
  close(reason: Error): void {
    this.#end ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }

  #receive(chunk: string): void {
    const messages = (this.#pending + chunk).split('\0');
    this.#pending = messages.pop() ?? '';
    for (const message of messages) {
      const read: unknown = JSON.parse(message);
      if (isRecord(read)) this.#take(read);
    }
  }

  #take(message: JsonObject): void {
    const waiting = this.#waiting.get(numberIn(message, 'id'));
    // Chromium also tells of itself, unasked.
    if (waiting === undefined) return;
    this.#waiting.delete(numberIn(message, 'id'));
    const said = textIn(objectIn(message, 'error'), 'message');
    if (said === '') waiting.resolve(objectIn(message, 'result'));
    else waiting.reject(new Error(`chromium refused: ${said}`));
  }
}
