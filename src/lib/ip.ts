import ipaddr from 'ipaddr.js';

/** A range of addresses; a single one has its full length. */
interface Range {
  readonly address: string;
  readonly prefixLength: number;
}

/** What kind of place an address is: decides whether the control plane may be sent there. */
export type AddressClass = 'loopback' | 'link-local' | 'unspecified' | 'multicast' | 'metadata' | 'private' | 'public';

/** Addresses at which clouds hand out credentials, beside the link-local one. */
const metadataAddresses: ReadonlySet<string> = new Set([
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
]);

/**
 * Reads `10.0.0.0/8` or a single address, IPv4 or IPv6, to its canonical form: bits of the host part are zero, and an IPv4
 * range in IPv6 clothes is IPv4, as which its peers are seen. Undefined for anything else, short forms like `10.1` included.
 */
export function parseIpRange(text: string): Range | undefined {
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length > 0 || (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length))) return undefined;
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  const full = parsed.toByteArray().length * 8;
  const prefixLength = length === undefined ? full : Number(length);
  if (prefixLength > full) return undefined;
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && prefixLength >= 96) {
    return network(parsed.toIPv4Address(), prefixLength - 96);
  }
  return network(parsed, prefixLength);
}

function network(address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number): Range {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff << (8 - kept));
  });
  return { address: ipaddr.fromByteArray(bytes).toString(), prefixLength };
}

/** The address in full form, without a zone; undefined for what is none. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

/** Whether one of these ranges holds an address. */
export function inRanges(address: string, ranges: readonly Range[]): boolean {
  const parsed = plain(address);
  if (parsed === undefined) return false;
  return ranges.some((range) => {
    const base = plain(range.address);
    return base?.kind() === parsed.kind() && parsed.match(base, range.prefixLength);
  });
}

/** An IPv4 address in IPv6 clothes without them: it leads to the same place. */
function plain(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const parsed = parseAddress(text);
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

/** Classifies an address. What can't be read counts as unspecified, to which nobody may connect. */
export function addressClass(text: string): AddressClass {
  const parsed = plain(text);
  if (parsed === undefined) return 'unspecified';
  if (metadataAddresses.has(parsed.toString())) return 'metadata';
  const range = parsed.range();
  switch (range) {
    case 'loopback':
      return 'loopback';
    case 'linkLocal':
      return 'link-local';
    case 'unspecified':
      return 'unspecified';
    case 'broadcast':
    case 'multicast':
      return 'multicast';
    case 'private':
    case 'uniqueLocal':
    case 'carrierGradeNat':
      return 'private';
    case '6to4':
    case 'teredo':
    case 'rfc6052':
    case 'rfc6145':
      // Addresses that carry an IPv4 address: where they lead can't be seen from here.
      return 'link-local';
    default:
      return 'public';
  }
}
