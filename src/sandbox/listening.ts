import { readFile } from 'node:fs/promises';

const listen = '0A';

/**
 * Does anything listen on this TCP port in the network namespace of that process? Read from the kernel's table, because a
 * connection would be seen by the app, and in a pod with a sidecar it would reach the sidecar instead.
 */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const file of ['tcp', 'tcp6']) {
    const text = await readFile(`/proc/${pid}/net/${file}`, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (state === listen && local?.endsWith(suffix) === true) return true;
    }
  }
  return false;
}
