import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Leaf } from './rbac-certificates.ts';

/** How to reach a port: in plaintext, by TLS without a certificate of one's own, by mTLS with a leaf. */
export interface Dial {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly as: 'plaintext' | 'anonymous' | Leaf;
  /** Address to come from; the system's choice without it. */
  readonly from?: string;
  /** What is asked for in the TLS greeting; '' for nothing. */
  readonly sni?: string;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** A list is sent as so many lines of one name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * Sends requests one after the other on one connection, written byte by byte as given, since no client library lets a
 * test send odd hosts and paths; returns their status codes.
 */
export async function sendAll(dial: Dial, requests: readonly RawRequest[]): Promise<readonly number[]> {
  const socket = await open(dial);
  const chunks: AsyncIterator<unknown> = socket[Symbol.asyncIterator]();
  const statuses: number[] = [];
  try {
    for (const request of requests) {
      socket.write(requestText(request), 'latin1');
      let text = '';
      while (!isWhole(text, request.method)) {
        const next = await chunks.next();
        if (next.done === true) {
          throw new Error(`the connection ended after ${JSON.stringify(request)} and ${JSON.stringify(text)}`);
        }
        text += String(next.value);
      }
      statuses.push(Number(text.slice(9, 12)));
    }
    return statuses;
  } finally {
    socket.destroy();
  }
}

function requestText({ method, path, host, headers }: RawRequest): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}: ${each}\r\n`),
  );
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\n${lines.join('')}\r\n`;
}

function isWhole(text: string, method: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
  return end >= 0 && (method === 'HEAD' || text.length >= end + 4 + length);
}

/** Long enough for Envoy's TLS inspector to tell that it's no TLS. */
const line = 'hello, is anybody there?\n';

/** Whether what is sent comes back, or the connection is closed instead. */
export async function echoes(dial: Dial): Promise<boolean> {
  const socket = await open(dial);
  socket.write(line);
  try {
    for await (const chunk of socket) {
      return Buffer.from(chunk).toString() === line;
    }
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) {
      return false;
    }
    throw error;
  } finally {
    socket.destroy();
  }
}

async function open({ host, port, ca, as, from, sni = '' }: Dial): Promise<Socket> {
  const bound = from === undefined ? {} : { localAddress: from };
  if (as === 'plaintext') {
    const socket = connect({ host, port, ...bound });
    await once(socket, 'connect');
    return socket;
  }
  const own = as === 'anonymous' ? {} : { cert: as.certificate, key: as.key };
  const below = connect({ host, port, ...bound });
  await once(below, 'connect');
  const socket = connectTls({ socket: below, servername: sni, ca, ...own, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  return socket;
}
