/** Sends request targets byte by byte as they are, over HTTP/1.1 or HTTP/2, which no library would; many at a time. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TargetAnswer, TargetsRequest } from '../../support/e2e-probe-types.ts';
import { Http2Reader, headersOf, preface } from './http2-frames.ts';

const patienceMs = 5_000;
/** Envoy takes a second to close an HTTP/2 connection over a bad request: there, many wait beside each other. */
const lanes = { 'HTTP/1.1': 16, 'HTTP/2': 128 } as const;

/** One connection after the other, one request at a time. */
interface Lane {
  ask(target: string): Promise<TargetAnswer>;
  close(): void;
}

/** Asks for each target, and gives the answers in their order. */
export async function targets({ host, port, authority, protocol, list }: TargetsRequest): Promise<TargetAnswer[]> {
  const answers: TargetAnswer[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    const lane: Lane =
      protocol === 'HTTP/2' ? new Http2Lane(host, port, authority) : new Http1Lane(host, port, authority);
    for (let at = next++; at < list.length; at = next++) answers[at] = await lane.ask(list[at] ?? '');
    lane.close();
  };
  await Promise.all(Array.from({ length: Math.min(lanes[protocol], list.length) }, run));
  return answers;
}

/** What a connection says until something is whole, or until it ends. */
function read(socket: Socket, take: (chunk: Buffer) => TargetAnswer | undefined): Promise<TargetAnswer> {
  const { promise, resolve } = Promise.withResolvers<TargetAnswer>();
  const timer = setTimeout(() => resolve({ error: 'timeout' }), patienceMs);
  const data = (chunk: Buffer): void => {
    const answer = take(chunk);
    if (answer !== undefined) resolve(answer);
  };
  const end = (): void => resolve({ error: 'closed' });
  const error = (): void => resolve({ error: 'reset' });
  socket.on('data', data).on('end', end).on('close', end).on('error', error);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', data).off('end', end).off('close', end).off('error', error);
  });
}

async function open(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

class Http1Lane implements Lane {
  readonly #host: string;
  readonly #port: number;
  readonly #authority: string;
  #socket: Socket | undefined;

  constructor(host: string, port: number, authority: string) {
    this.#host = host;
    this.#port = port;
    this.#authority = authority;
  }

  async ask(target: string): Promise<TargetAnswer> {
    this.#socket ??= await open(this.#host, this.#port);
    const socket = this.#socket;
    let text = '';
    let last = false;
    const reading = read(socket, (chunk) => {
      text += chunk.toString('latin1');
      const split = text.indexOf('\r\n\r\n');
      const head = text.slice(0, split);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (split < 0 || text.length < split + 4 + length) return undefined;
      last = /^connection: *close/im.test(head);
      const body = text.slice(split + 4);
      if (body.length > length) return { error: 'more than one answer' };
      return { status: Number(text.split(' ', 2)[1]), body };
    });
    socket.write(`GET ${target} HTTP/1.1\r\nhost: ${this.#authority}\r\n\r\n`, 'latin1');
    const answer = await reading;
    if (last || 'error' in answer || socket.readableEnded || socket.destroyed) this.close();
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

class Http2Lane implements Lane {
  readonly #host: string;
  readonly #port: number;
  readonly #authority: string;
  #connection: { readonly socket: Socket; readonly reader: Http2Reader } | undefined;
  #stream = 1;

  constructor(host: string, port: number, authority: string) {
    this.#host = host;
    this.#port = port;
    this.#authority = authority;
  }

  async ask(target: string): Promise<TargetAnswer> {
    this.#connection ??= await this.#open();
    const { socket, reader } = this.#connection;
    const stream = this.#stream;
    this.#stream += 2;
    const reading = read(socket, (chunk) => reader.take(chunk, stream));
    socket.write(headersOf(stream, target, this.#authority));
    const answer = await reading;
    if (reader.gone || ('error' in answer && answer.error !== 'stream reset') || socket.destroyed) this.close();
    return answer;
  }

  async #open(): Promise<{ readonly socket: Socket; readonly reader: Http2Reader }> {
    const socket = await open(this.#host, this.#port);
    socket.write(preface);
    this.#stream = 1;
    return { socket, reader: new Http2Reader((bytes) => socket.write(bytes)) };
  }

  close(): void {
    this.#connection?.socket.destroy();
    this.#connection = undefined;
  }
}
