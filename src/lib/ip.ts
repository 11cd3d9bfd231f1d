import ipaddr from 'ipaddr.js';

/** A range of addresses; a single one has its full length. */
interface Range {
  readonly address: string;
  readonly prefixLength: number;
}

/** What kind of place an address is: decides whether the control plane may be sent there. */
export type AddressClass = 'loopback' | 'link-local' | 'unspecified' | 'multicast' | 'metadata' | 'private' | 'public';

/** Where clouds hand out credentials and secrets of machines, beside the link-local addresses. */
const metadataRanges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[] = [
  // Alibaba, Oracle (the older one), and Azure's wire server, which has a public address.
  [ipaddr.IPv4.parse('100.100.100.200'), 32],
  [ipaddr.IPv4.parse('192.0.0.192'), 32],
  [ipaddr.IPv4.parse('168.63.129.16'), 32],
  // Amazon's local services: instance metadata is ::254, the credentials of pods (EKS Pod Identity) ::23.
  [ipaddr.IPv6.parse('fd00:ec2::'), 32],
  // Google, Scaleway, Oracle, Akamai, Alibaba.
  [ipaddr.IPv6.parse('fd20:ce::254'), 128],
  [ipaddr.IPv6.parse('fd00:42::42'), 128],
  [ipaddr.IPv6.parse('fd00:c1::a9fe:a9fe'), 128],
  [ipaddr.IPv6.parse('fd00:a9fe:a9fe::1'), 128],
  [ipaddr.IPv6.parse('fd00:100::100:200'), 128],
];

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
  const plainText = withoutDots(text);
  if (plainText === undefined || !text.includes(':') || text.includes('%')) return undefined;
  return ipaddr.IPv6.isValid(plainText) ? ipaddr.IPv6.parse(plainText) : undefined;
}

/** `::1.2.3.4` as `::102:304`: ipaddr.js takes one that begins with zeros for another address, `::ffff:102:304`. */
function withoutDots(text: string): string | undefined {
  if (!text.includes('.')) return text;
  const colon = text.lastIndexOf(':');
  const tail = text.slice(colon + 1);
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).toByteArray();
  return `${text.slice(0, colon + 1)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
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

/** Ranges of IPv6 that lead to an IPv4 address, and the byte at which that stands in them. */
const carriers: readonly { readonly range: [ipaddr.IPv6, number]; readonly at: number }[] = [
  // IPv4-compatible (RFC 4291 section 2.5.5.1), translated (RFC 2765), NAT64 (RFC 6052 and 8215), 6to4 (RFC 3056).
  { range: [ipaddr.IPv6.parse('::'), 96], at: 12 },
  { range: [ipaddr.IPv6.parse('::ffff:0:0:0'), 96], at: 12 },
  { range: [ipaddr.IPv6.parse('64:ff9b::'), 96], at: 12 },
  { range: [ipaddr.IPv6.parse('64:ff9b:1::'), 48], at: 12 },
  { range: [ipaddr.IPv6.parse('2002::'), 16], at: 2 },
];

/** The IPv4 address to which a translator on the way would lead, itself otherwise. */
function carried(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!(address instanceof ipaddr.IPv6) || ['unspecified', 'loopback'].includes(address.range())) return address;
  const carrier = carriers.find(({ range: [base, length] }) => address.match(base, length));
  return carrier === undefined ? address : new ipaddr.IPv4(address.toByteArray().slice(carrier.at, carrier.at + 4));
}

/**
 * Classifies an address, one that carries an IPv4 address by that. What can't be read counts as unspecified, to which nobody
 * may connect.
 */
export function addressClass(text: string): AddressClass {
  const parsed = plain(text);
  if (parsed === undefined) return 'unspecified';
  const address = carried(parsed);
  if (metadataRanges.some(([base, length]) => base.kind() === address.kind() && address.match(base, length)))
    return 'metadata';
  const range: string = address.range();
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
    case 'deprecatedSiteLocal':
    case 'carrierGradeNat':
      return 'private';
    case 'teredo':
      // Where it leads is for its relays to say.
      return 'link-local';
    default:
      return 'public';
  }
}
