import { isIP, isIPv4 } from 'node:net';
import { err, ok, type Result } from '../lib/result.ts';
import type { Scope } from './interception.ts';

/** What can't be read, as the end of a sentence: `… is not a port`. */
export type ScopeResult<T> = Result<T, string>;

/** `*`, or ports between commas; '' is none. */
export function parsePorts(text: string): ScopeResult<Scope> {
  return text.trim() === '*' ? ok('*') : parsePortList(text);
}

/** Ports between commas; '' is none. */
export function parsePortList(text: string): ScopeResult<readonly string[]> {
  return list(text, (item) => {
    const port = Number(item);
    return /^\d{1,5}$/.test(item) && port >= 1 && port <= 65_535 ? ok(String(port)) : err('is not a port (1 to 65535)');
  });
}

/** `*`, or address ranges in CIDR notation, of either family, between commas; '' is none. */
export function parseRanges(text: string): ScopeResult<Scope> {
  return text.trim() === '*' ? ok('*') : parseRangeList(text);
}

/** Address ranges in CIDR notation between commas; '' is none. */
export function parseRangeList(text: string): ScopeResult<readonly string[]> {
  return list(text, (item) => {
    const [address = '', bits = '', ...more] = item.split('/');
    const wide = isIPv4(address) ? 32 : 128;
    const good =
      more.length === 0 &&
      isIP(address) !== 0 &&
      !address.includes('%') &&
      /^\d{1,3}$/.test(bits) &&
      Number(bits) <= wide;
    return good ? ok(`${address}/${Number(bits)}`) : err('is not an address range such as 10.0.0.0/8');
  });
}

/** Names of network interfaces between commas, a trailing `+` standing for any ending as in iptables; '' is none. */
export function parseInterfaces(text: string): ScopeResult<readonly string[]> {
  return list(text, (item) =>
    /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}\+?$/.test(item) && item.length <= 15
      ? ok(item)
      : err('is not the name of a network interface'),
  );
}

/**
 * These texts end in lines for iptables-restore, so an item is taken only if it is made of what an item is made of: nothing
 * that a person writes there can become another rule.
 */
function list(text: string, read: (item: string) => ScopeResult<string>): ScopeResult<readonly string[]> {
  const found = new Set<string>();
  for (const item of text.split(',').map((each) => each.trim())) {
    if (item === '') continue;
    const result = read(item);
    if (!result.ok) return err(`${JSON.stringify(item)} ${result.error}`);
    found.add(result.value);
  }
  return ok([...found]);
}
