import { isIP } from 'node:net';

/** What a caller may see: all pages, or only whether we live and how we fare. */
export type Access = 'all' | 'health-only' | 'refused';

/**
 * Who may see what. Debug pages show the whole configuration and have no authentication, so they answer over loopback
 * only, whatever address the server is bound to (behaviour.md 7.8, pitfalls). Over loopback the Host must be an address
 * or `localhost`: a web page can point a name of its own at 127.0.0.1 (DNS rebinding) but can't forge that.
 */
export function accessOf(remoteAddress: string | undefined, host: string | undefined): Access {
  if (!isLoopbackPeer(remoteAddress)) return 'health-only';
  return isLocalHost(host) ? 'all' : 'refused';
}

function isLoopbackPeer(address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:/, '') ?? '';
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function isLocalHost(host: string | undefined): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? '');
  if (match === null) return false;
  const name = match[1] ?? match[2] ?? '';
  return name.toLowerCase() === 'localhost' || isIP(name) !== 0;
}
