import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import { objectIn, textIn } from '../lib/json-fields.ts';
import { watchError } from './errors.ts';
import { isKubeObject, type KubeObject } from './object.ts';

/** One line of a watch, understood. `other`: a type of event that this program does not know. */
export type WatchEvent =
  | { readonly type: 'put'; readonly object: KubeObject }
  | { readonly type: 'delete'; readonly object: KubeObject }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'other' };

/**
 * Reads a line of a watch ("Efficient detection of changes", Kubernetes API concepts). Throws the error that an `ERROR`
 * event stands for, and `bad-argument` for a line that is no event: what came with it is unknown, so only a list helps.
 */
export function readWatchEvent(path: string, line: string): WatchEvent {
  const { type, object } = parse(path, line);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'put', object: objectOf(path, object) };
    case 'DELETED':
      return { type: 'delete', object: objectOf(path, object) };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: versionOf(path, object) };
    case 'ERROR':
      throw watchError(path, object);
    default:
      return { type: 'other' };
  }
}

function parse(path: string, line: string): { readonly type: string; readonly object: unknown } {
  try {
    const event: unknown = JSON.parse(line);
    if (isRecord(event)) {
      const { type, object } = event;
      if (typeof type === 'string') return { type, object };
    }
  } catch {
    // Said below, for all that is no event.
  }
  throw noEvent(path);
}

function objectOf(path: string, value: unknown): KubeObject {
  if (isKubeObject(value)) return value;
  throw noEvent(path);
}

/** A bookmark's object has a resourceVersion and no name. */
function versionOf(path: string, value: unknown): string {
  const version = isRecord(value) ? textIn(objectIn(value, 'metadata'), 'resourceVersion') : '';
  if (version !== '') return version;
  throw noEvent(path);
}

function noEvent(path: string): MeshError {
  return new MeshError('bad-argument', `the watch of ${path} sent a line that is no event`);
}
