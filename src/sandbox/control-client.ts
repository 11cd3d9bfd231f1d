import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { MeshError } from '../lib/errors.ts';
import type { ControlReply, ControlRequest, SandboxStatus } from './protocol.ts';

/** Asks a running sandbox for something, and gives its state after that. */
export async function control(socketPath: string, request: ControlRequest): Promise<SandboxStatus> {
  const socket = connect(socketPath);
  let answer: string;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    socket.end();
    answer = await text(socket);
  } catch (thrown) {
    throw new MeshError('unavailable', 'the sandbox does not answer', {
      cause: thrown,
      hint: 'it may be ending, or be starting still',
    });
  }
  if (answer === '') throw new MeshError('unavailable', 'the sandbox ended');
  const reply: ControlReply = JSON.parse(answer);
  if (reply.ok) return reply.status;
  throw new MeshError(reply.code, reply.message, reply.hint === '' ? {} : { hint: reply.hint });
}
