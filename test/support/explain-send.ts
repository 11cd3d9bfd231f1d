import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Dial } from './rbac-clients.ts';

/**
 * Sends requests, each given as the text of its head, one after the other; opens the connection again where Envoy ended it. What
 * came of them is read elsewhere, from Envoy's own log.
 */
export async function sendTexts(dial: Dial, heads: readonly string[]): Promise<void> {
  let socket: Socket | undefined;
  let chunks: AsyncIterator<unknown> | undefined;
  try {
    for (const head of heads) {
      if (socket === undefined || chunks === undefined || socket.destroyed) {
        socket = await open(dial);
        chunks = socket[Symbol.asyncIterator]();
      }
      socket.write(head, 'latin1');
      const answer = await wholeAnswer(chunks, head);
      if (/^connection: close/im.test(answer)) {
        socket.destroy();
        socket = undefined;
      }
    }
  } finally {
    socket?.destroy();
  }
}

async function wholeAnswer(chunks: AsyncIterator<unknown>, head: string): Promise<string> {
  let text = '';
  for (;;) {
    const end = text.indexOf('\r\n\r\n');
    const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
    if (end >= 0 && (head.startsWith('HEAD ') || text.length >= end + 4 + length)) return text;
    const next = await chunks.next();
    if (next.done === true)
      throw new Error(`the connection ended after ${JSON.stringify(text)}, asked for ${JSON.stringify(head)}`);
    text += String(next.value);
  }
}

/** Opens a connection as a mesh client would, and gives the socket; the bytes are up to the caller. */
export async function open(
  { host, port, ca, as, from, sni = '' }: Dial,
  alpn: readonly string[] = [],
): Promise<Socket> {
  const below = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
  await once(below, 'connect');
  if (as === 'plaintext') return below;
  const own = as === 'anonymous' ? {} : { cert: as.certificate, key: as.key };
  const socket = connectTls({
    socket: below,
    servername: sni,
    ca,
    ...own,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  return socket;
}
