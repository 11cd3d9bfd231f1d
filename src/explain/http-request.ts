import { isIP } from 'node:net';
import type { envoy } from '@envoyproxy/protos';
import type { Connection } from './connection.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';
import { Headers } from './headers.ts';
import { normalizedPath } from './path.ts';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** A request as a client sends it. */
export interface HttpRequest {
  readonly method: string;
  /** With its query; one character a byte. */
  readonly path: string;
  readonly host: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request as a connection manager hands it to its filters. */
export interface Received {
  readonly headers: Headers;
  /** Address of the client as far as proxies before us told it. */
  readonly remoteAddress: string;
}

/** What a connection manager makes of a request before any filter sees it; undefined where it refuses it (400). */
export function receive(
  manager: Manager,
  request: HttpRequest,
  connection: Connection,
  behaviour: EnvoyBehaviour,
): Received | undefined {
  const path = normalizedPath(manager, request.path, behaviour);
  if (path === undefined) return undefined;
  const headers = new Headers([
    [':method', request.method],
    [':path', path],
    [':authority', manager.stripTrailingHostDot === true ? withoutLastDot(request.host) : request.host],
    [':scheme', connection.tls ? 'https' : 'http'],
    ...request.headers,
  ]);
  if (headers.first('x-request-id') === undefined) headers.set('x-request-id', '00000000-0000-4000-8000-000000000000');
  const trusting = manager.useRemoteAddress?.value !== true || (manager.xffNumTrustedHops ?? 0) > 0;
  if (!trusting || headers.first('x-forwarded-proto') === undefined)
    headers.set('x-forwarded-proto', connection.tls ? 'https' : 'http');
  const [peer] = connection.peerNames ?? [];
  if (peer === undefined) headers.remove('x-forwarded-client-cert');
  else headers.add('x-forwarded-client-cert', `By=;Hash=;Subject="";URI=${peer}`);
  return { headers, remoteAddress: clientAddress(manager, headers, connection.peerAddress) };
}

/** Address of the client: on sidecars whatever the request says, on gateways what proxies say that are known to stand before them. */
function clientAddress({ useRemoteAddress, xffNumTrustedHops: hops = 0 }: Manager, headers: Headers, peer: string) {
  if (useRemoteAddress?.value !== true) return forwardedAddress(headers, 1) ?? peer;
  const told = hops === 0 ? undefined : forwardedAddress(headers, hops);
  if (peer !== '') headers.add('x-forwarded-for', peer);
  return told ?? peer;
}

/** `host.` and `host.:80` are `host` and `host:80`. */
function withoutLastDot(host: string): string {
  return host.replace(/\.(:[0-9]*)?$/, (_, port: string | undefined) => port ?? '');
}

/** An address in `x-forwarded-for`, counted from its end: the nearest proxy added the last one, or whoever pretends to be one. */
function forwardedAddress(headers: Headers, fromEnd: number): string | undefined {
  const told = headers.all('x-forwarded-for').join(',').split(',').at(-fromEnd)?.trim() ?? '';
  return isIP(told) > 0 ? told : undefined;
}
