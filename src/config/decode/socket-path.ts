import type { Field } from './field.ts';

/** What Linux takes (`sun_path` of unix(7), without the zero at its end). Envoy refuses all that comes with a longer one. */
const most = 107;

/** The path of a Unix socket, if it isn't too long for one. */
export function readSocketPath(field: Field, path: string): string | undefined {
  if (Buffer.byteLength(path) <= most) return path;
  return field.error('too-long', `the path of a Unix socket has at most ${most} bytes`, 'choose a shorter one');
}
