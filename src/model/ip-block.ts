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

/** The length of the prefix that is a single address. */
export const addressLength = (address: string): number => (familyOf(address) === 'ipv4' ? 32 : 128);

/** Is an address in the range? One of the other family never is. */
export function holdsAddress(block: IpBlock, candidate: string): boolean {
  return inBlocks([block])(candidate);
}

/** Is an address in one of the ranges? They are read once for all that are asked for. */
export function inBlocks(blocks: readonly IpBlock[]): (candidate: string) => boolean {
  const ranges = new BlockList();
  for (const { address, prefixLength } of blocks) ranges.addSubnet(address, prefixLength, familyOf(address));
  return (candidate) => ranges.check(candidate, familyOf(candidate));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');
