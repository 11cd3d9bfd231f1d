import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';

/**
 * A probe or lifecycle hook of an app, asked by the kubelet through the sidecar: HTTP GET of `path` on port 15020 (behaviour.md
 * 9.5). The kubelet has no mesh certificate, so it can't ask a pod under STRICT itself.
 */
export type AppProbe =
  | {
      readonly kind: 'http';
      /** What the kubelet asks for, `/app-health/web/readyz`. */
      readonly path: string;
      readonly port: number;
      /** Path and query that the app is asked for. */
      readonly target: string;
      readonly tls: boolean;
      /** The probe's own `Host` header; without it, address and port of the app. */
      readonly host?: string;
      readonly timeoutSeconds: number;
    }
  | { readonly kind: 'tcp'; readonly path: string; readonly port: number; readonly pace: ProbePace }
  | {
      readonly kind: 'grpc';
      readonly path: string;
      readonly port: number;
      /** Name of the service in grpc.health.v1; '' for the server as a whole. */
      readonly service: string;
      readonly pace: ProbePace;
    };

/** How often and how patiently the kubelet asks. */
export interface ProbePace {
  readonly timeoutSeconds: number;
  readonly periodSeconds: number;
}

/** Port of the sidecar that answers for the app. Open only in pods that have such probes. */
export const appProbePort = 15020;

/** Name of the environment variable that hands the probes to `coxswain init`. */
export const appProbesVariable = 'COXSWAIN_APP_PROBES';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the variable: an object of path to what the pod said before (`httpGet`, `tcpSocket` or `grpc` as in core/v1), with
 * `port` as a number beside it. Strict, since what it says becomes an open door of the pod. Throws MeshError.
 */
export function parseAppProbes(text: string): readonly AppProbe[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new MeshError('bad-argument', `${appProbesVariable} is not JSON`, { cause: thrown });
  }
  if (!isRecord(value)) throw bad('', 'is not an object');
  return Object.entries(value).map(([path, entry]) => probeOf(path, entry));
}

function probeOf(path: string, entry: unknown): AppProbe {
  if (!/^\/app-(health|lifecycle)\/[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z]+$/.test(path))
    throw bad(path, 'is no path of a probe');
  if (!isRecord(entry)) throw bad(path, 'is not an object');
  const port = whole(path, 'port', entry['port'], 65_535);
  const timeoutSeconds = whole(path, 'timeoutSeconds', entry['timeoutSeconds'] ?? 1, 2 ** 31 - 1);
  const periodSeconds = whole(path, 'periodSeconds', entry['periodSeconds'] ?? 10, 2 ** 31 - 1);
  const { httpGet, tcpSocket, grpc } = entry;
  if (isRecord(httpGet)) return httpProbe(path, port, timeoutSeconds, httpGet);
  const pace = { timeoutSeconds, periodSeconds };
  if (isRecord(tcpSocket)) return { kind: 'tcp', path, port, pace };
  if (isRecord(grpc))
    return { kind: 'grpc', path, port, service: textOf(path, 'service', grpc['service'] ?? ''), pace };
  throw bad(path, 'has neither httpGet nor tcpSocket nor grpc');
}

function httpProbe(path: string, port: number, timeoutSeconds: number, httpGet: Fields): AppProbe {
  const scheme = httpGet['scheme'] ?? 'HTTP';
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') throw bad(path, 'scheme is neither HTTP nor HTTPS');
  const asked = textOf(path, 'path', httpGet['path'] ?? '/');
  const target = asked.startsWith('/') ? asked : `/${asked}`;
  if (/[^\x21-\x7e]/.test(target)) throw bad(path, 'path holds what can not stand in a request');
  const headers = Array.isArray(httpGet['httpHeaders']) ? httpGet['httpHeaders'] : [];
  const host = headers.filter(isRecord).findLast(({ name }) => typeof name === 'string' && /^host$/i.test(name))?.[
    'value'
  ];
  return {
    kind: 'http',
    path,
    port,
    target,
    tls: scheme === 'HTTPS',
    ...(typeof host === 'string' && host !== '' ? { host } : {}),
    timeoutSeconds,
  };
}

function whole(path: string, field: string, value: unknown, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw bad(path, `${field} is not a number from 1 to ${most}`);
}

function textOf(path: string, field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw bad(path, `${field} is not text`);
}

function bad(path: string, problem: string): MeshError {
  return new MeshError('bad-argument', `${appProbesVariable}: ${path === '' ? 'it' : JSON.stringify(path)} ${problem}`);
}
