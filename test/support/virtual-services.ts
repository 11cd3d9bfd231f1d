import { anyRequest, type RequestMatch } from '../../src/model/http-match.ts';
import type { WeightedDestination } from '../../src/model/http-route.ts';
import { anyAudience, type HttpMatch, type HttpRoute, type VirtualService } from '../../src/model/virtual-service.ts';
import { meta } from './objects.ts';

/** Builders of parsed VirtualServices: every default is visible here. */
export function virtualService(
  namespace: string,
  name: string,
  hosts: readonly string[],
  more: Partial<Omit<VirtualService, 'meta'>> & { readonly createdAt?: number } = {},
): VirtualService {
  const { createdAt = 0, ...fields } = more;
  return {
    kind: 'VirtualService',
    meta: meta(namespace, name, { createdAt }),
    hosts,
    gateways: ['mesh'],
    http: [],
    tls: [],
    tcp: [],
    exportTo: 'all',
    ...fields,
  };
}

export function to(host: string, weight = 1): WeightedDestination {
  return { destination: { host, subset: '', port: undefined }, weight, headers: undefined };
}

/** A route that forwards to one host. */
export function httpRoute(host: string, matches: readonly HttpMatch[] = [], more: Partial<HttpRoute> = {}): HttpRoute {
  return {
    name: '',
    matches,
    action: { kind: 'forward', destinations: [to(host)] },
    rewrite: undefined,
    timeoutMs: undefined,
    retries: undefined,
    fault: undefined,
    mirrors: undefined,
    cors: undefined,
    headers: undefined,
    ...more,
  };
}

export function httpMatch(request: Partial<RequestMatch>, more: Partial<Omit<HttpMatch, 'request'>> = {}): HttpMatch {
  return { ...anyAudience, name: '', statPrefix: '', request: { ...anyRequest, ...request }, ...more };
}

/** A match of paths that begin so. */
export const under = (value: string, more: Partial<Omit<HttpMatch, 'request'>> = {}): HttpMatch =>
  httpMatch({ uri: { kind: 'prefix', value } }, more);

/** A match of one path. */
export const at = (value: string, more: Partial<Omit<HttpMatch, 'request'>> = {}): HttpMatch =>
  httpMatch({ uri: { kind: 'exact', value } }, more);
