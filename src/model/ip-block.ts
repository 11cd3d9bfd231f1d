import { BlockList } from 'node:net';

/** A range of addresses in CIDR form. A single address is a range of its full length (32 or 128). */
export interface IpBlock {
  /** Canonical, IPv4 or IPv6, without a zone. */
  readonly address: string;
  readonly prefixLength: number;
}

/** `10.0.0.0/8`; the inverse of reading it. */
export function ipBlockText({ address, prefixLength }: IpBlock): string {
  return `${address}/${prefixLength}`;
}

/** Is an address in the range? One of the other family never is. */
export function holdsAddress({ address, prefixLength }: IpBlock, candidate: string): boolean {
  const range = new BlockList();
  range.addSubnet(address, prefixLength, familyOf(address));
  return range.check(candidate, familyOf(candidate));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');
