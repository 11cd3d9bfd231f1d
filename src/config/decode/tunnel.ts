import { isIP } from 'node:net';
import type { Tunnel } from '../../model/traffic-policy.ts';
import type { Field } from './field.ts';
import { readHost } from './host.ts';

/** `tunnel` of a traffic policy: what an HTTP proxy in the way is asked for. */
export function readTunnel(field: Field): Tunnel | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['protocol', 'targetHost', 'targetPort']);
  if (fields === undefined) return undefined;
  for (const name of ['targetHost', 'targetPort'])
    if (!fields.get(name).written) field.error('missing-field', `${name} is required`, 'say where the tunnel ends');
  // Envoy 1.40 dies (SIGSEGV) when the proxy's answer to a POST ends before the request does, as with every proxy that refuses.
  if (fields.get('protocol').oneOf(['CONNECT', 'POST'] as const) === 'POST')
    fields
      .get('protocol')
      .error(
        'not-supported',
        'a proxy that ends its answer to a POST ends Envoy, too',
        'use a proxy that takes CONNECT',
      );
  const host = readTarget(fields.get('targetHost'));
  const port = fields.get('targetPort').integer(1, 65_535);
  return host === undefined || port === undefined ? undefined : { target: `${host}:${port}` };
}

/** One host, as it stands in a request: an IPv6 address in brackets (RFC 3986 3.2.2). */
function readTarget(field: Field): string | undefined {
  if (typeof field.value === 'string' && isIP(field.value) > 0)
    return isIP(field.value) === 6 ? `[${field.value}]` : field.value;
  const host = readHost(field);
  return host?.startsWith('*')
    ? field.error('bad-host', 'a tunnel ends at one host, not at a wildcard', 'write a full name or an address')
    : host;
}
