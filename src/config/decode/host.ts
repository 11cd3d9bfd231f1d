import type { Host } from '../../model/host.ts';
import type { Field } from './field.ts';

const name = /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*\.?$/;
const wildcard = /^\*[-a-z0-9_.]*$/;

/**
 * A host of a networking object, in lower case and without a trailing dot: a name of at most 253 characters (RFC 1123, and `_`), `*`, or
 * one that begins with a `*` (behaviour.md 4.5). Undefined where there is none, or none can be read.
 */
export function readHost(field: Field): Host | undefined {
  field.refuseNull('a host');
  const text = field.text();
  if (text === undefined) return undefined;
  const host = text.toLowerCase();
  if (host.length <= 253 && host.split('.').every((label) => label.length <= 63)) {
    if (name.test(host)) return host.replace(/\.$/, '');
    if (host === '*' || (wildcard.test(host) && name.test(host.replace(/^\*[-.]?/, '')))) return host;
  }
  const hint = /^[a-z]+:\/\//.test(host)
    ? 'write the host alone, without a scheme'
    : host.includes(':')
      ? 'write the host alone, without a port'
      : 'write a full name, a service of this namespace, or "*." and a domain';
  return field.error('bad-host', `${JSON.stringify(text)} is no host`, hint);
}
