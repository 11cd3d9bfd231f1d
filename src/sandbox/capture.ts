import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { pause } from '../lib/pause.ts';
import { poll } from './poll.ts';
import { killGroup } from './run-command.ts';

/** Packets on a pod's cable, as an eavesdropper on the node sees them. Disposing ends the capture. */
export interface Capture extends AsyncDisposable {
  /** What was seen so far, as `tcpdump -A` prints it. */
  text(): string;
  /** Waits until the wire is quiet, ends the capture, and gives all of it. */
  stop(): Promise<string>;
}

/** Command line of a capture; run it in the node's network namespace. */
export function captureCommand(cable: string, filter: string): readonly string[] {
  const flags = ['-i', cable, '-n', '-l', '-U', '-A', '-s', '0', '-Z', 'root', '--immediate-mode'];
  return ['tcpdump', ...flags, ...(filter === '' ? [] : [filter])];
}

/** Takes over a started tcpdump once it listens; packets sent after this are in the capture. */
export async function followCapture(
  child: ChildProcessByStdio<null, Readable, Readable>,
  clock: Clock,
): Promise<Capture> {
  let seen = '';
  let said = '';
  let ended = false;
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  child.once('close', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  await poll(
    'tcpdump to listen',
    () => {
      if (ended)
        throw new MeshError('missing-tool', `tcpdump does not run: ${said.trim()}`, {
          hint: 'apt-get install tcpdump',
        });
      return said.includes('listening on') ? true : undefined;
    },
    { clock, timeoutMs: 10_000 },
  );
  const stop = async (): Promise<string> => {
    for (let before = -1; before !== seen.length && !ended; ) {
      before = seen.length;
      await pause(clock, 50);
    }
    killGroup(child.pid, 'SIGINT');
    await poll('tcpdump to end', () => (ended ? true : undefined), { clock, timeoutMs: 5_000 });
    return seen;
  };
  return { text: () => seen, stop, [Symbol.asyncDispose]: async () => void (ended || (await stop())) };
}
