import { MeshError, type MeshErrorCode } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';

/** What a status of the API means to a caller (Kubernetes API conventions, "HTTP Status codes"). */
function codeOf(status: number): MeshErrorCode {
  switch (status) {
    case 400:
    case 405:
    case 415:
    case 422:
      return 'bad-argument';
    case 401:
      return 'unauthenticated';
    case 403:
      return 'permission-denied';
    case 404:
      return 'not-found';
    case 409:
      return 'conflict';
    case 410:
      return 'gone';
    default:
      return 'unavailable';
  }
}

/** A refusal of the API server, in its own words: they name the field or the missing right. */
export function apiError(method: string, path: string, status: number, body: Buffer): MeshError {
  return new MeshError(codeOf(status), `${method} ${path}: ${messageOf(body) ?? `status ${status}`}`);
}

/** The error that an `ERROR` event of a watch stands for; its object is a Status. */
export function watchError(path: string, status: unknown): MeshError {
  const { code: given = 0, message = '' } = isRecord(status) ? status : {};
  const code = Number(given);
  return new MeshError(codeOf(code), `watch of ${path}: ${String(message) || `status ${code}`}`);
}

/** The server could not be reached, or the connection broke. */
export function connectionError(where: string, error: Error, signal?: AbortSignal): MeshError {
  if (signal?.aborted === true && signal.reason instanceof Error && signal.reason.name === 'TimeoutError') {
    return new MeshError('unavailable', `${where}: no answer in time`, { cause: error });
  }
  return new MeshError('unavailable', `${where}: ${error.message || error.name}`, { cause: error });
}

function messageOf(body: Buffer): string | undefined {
  try {
    const status: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(status) && 'message' in status) return String(status['message']);
  } catch {
    // Not the API server's own words: a proxy's page says nothing to the point.
  }
  return undefined;
}
