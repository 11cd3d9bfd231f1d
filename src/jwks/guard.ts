import { isIP } from 'node:net';
import { assertNever } from '../lib/assert-never.ts';
import { addressClass, inRanges } from '../lib/ip.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { IpBlock } from '../model/ip-block.ts';
import { type Failure, failure } from './failure.ts';

/**
 * Whether the control plane may be sent to an address. Whoever writes a policy chooses where it connects to, so places that
 * trust whoever reaches them (this machine, a cloud's metadata service) are closed unless `allow` opens them
 * (what-users-ask.md, SSRF).
 */
export function mayConnect(address: string, allow: readonly IpBlock[]): boolean {
  if (inRanges(address, allow)) return true;
  const found = addressClass(address);
  switch (found) {
    case 'public':
    case 'private':
      return true;
    case 'loopback':
    case 'link-local':
    case 'unspecified':
    case 'multicast':
    case 'metadata':
      return false;
    default:
      return assertNever(found);
  }
}

/** Those of a name's addresses that may be connected to. Nothing else is, so a name that changes its mind gains nothing. */
export function permitted(
  host: string,
  addresses: readonly string[],
  allow: readonly IpBlock[],
): Result<readonly string[], Failure> {
  const good = addresses.filter((address) => mayConnect(address, allow));
  if (good.length > 0) return ok(good);
  const [first] = addresses;
  if (first === undefined) return failure('name', `${host} has no address`);
  return failure('address', `${host} leads to ${first} (${addressClass(first)}), where no keys are fetched from`);
}

/**
 * Reads an address that is about to be asked: http or https, without a password, and if its host is an IP address, one that may
 * be connected to. (Names are looked at when they are resolved.)
 */
export function checkedUrl(text: string, base: URL | undefined, allow: readonly IpBlock[]): Result<URL, Failure> {
  if (!URL.canParse(text, base?.href)) return failure('redirect', 'it leads to something that is no URL');
  const url = new URL(text, base);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return failure('redirect', `it leads to an address that starts with ${url.protocol}`);
  }
  if (base?.protocol === 'https:' && url.protocol === 'http:') {
    return failure('redirect', 'it leads from https to http, where keys could be exchanged on their way');
  }
  if (url.username !== '' || url.password !== '') return failure('redirect', 'it leads to an address with a password');
  const host = bareHost(url);
  if (isIP(host) === 0) return ok(url);
  const address = permitted(host, [host], allow);
  return address.ok ? ok(url) : err(address.error);
}

/** The host of an address, without the brackets of IPv6. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
