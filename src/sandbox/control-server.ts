import { chmod } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { MeshError } from '../lib/errors.ts';
import type { ControlReply, ControlRequest, SandboxStatus } from './protocol.ts';

/**
 * Answers requests from the host, one JSON line each. The socket's folder is root's alone, which is all the proof of
 * identity that it asks for: who can open it could enter the sandbox anyway.
 */
export async function serveControl(
  path: string,
  handle: (request: ControlRequest) => Promise<SandboxStatus>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket, handle));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
}

async function answer(socket: Socket, handle: (request: ControlRequest) => Promise<SandboxStatus>): Promise<void> {
  socket.on('error', () => socket.destroy());
  for await (const line of createInterface({ input: socket })) {
    socket.write(`${JSON.stringify(await reply(line, handle))}\n`);
  }
  socket.end();
}

async function reply(line: string, handle: (request: ControlRequest) => Promise<SandboxStatus>): Promise<ControlReply> {
  try {
    // Both ends are this program, so the shape is the compiler's business.
    const request: ControlRequest = JSON.parse(line);
    return { ok: true, status: await handle(request) };
  } catch (thrown) {
    const { code, message, hint = '' } = MeshError.from(thrown);
    return { ok: false, code, message, hint };
  }
}
