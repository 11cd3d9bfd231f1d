import type { envoy } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type { HashKey } from '../../model/traffic-policy.ts';
import { milliseconds } from './sources.ts';

/** What the cluster's load balancer hashes of a request. */
export function hashPolicy(key: HashKey): envoy.config.route.v3.RouteAction.HashPolicy {
  switch (key.kind) {
    case 'header':
      return { header: { headerName: key.name } };
    case 'cookie':
      return {
        cookie: {
          name: key.name,
          ...(key.path === '' ? {} : { path: key.path }),
          ...(key.ttlMs === undefined ? {} : { ttl: milliseconds(key.ttlMs) }),
        },
      };
    case 'query':
      return { queryParameter: { name: key.name } };
    case 'address':
      return { connectionProperties: { sourceIp: true } };
    default:
      return assertNever(key);
  }
}
