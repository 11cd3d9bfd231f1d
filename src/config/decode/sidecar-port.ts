import { isIP } from 'node:net';
import type { SidecarPort } from '../../model/sidecar.ts';
import { sidecarOwnPorts } from '../../model/sidecar-ports.ts';
import type { Field, Fields } from './field.ts';
import { readNetworkingPort } from './networking-port.ts';

/** How traffic reaches a listener of a Sidecar. */
export const captureModes = ['DEFAULT', 'IPTABLES', 'NONE'] as const;

/** The port of a listener; `least` is 0 where it may be a Unix socket. */
export function readSidecarPort(field: Field, least: number): SidecarPort | undefined {
  field.refuseNull('a port');
  const fields = field.fields(['number', 'name', 'protocol', 'targetPort'], { port: 'write number' });
  if (fields === undefined) return undefined;
  if (fields.get('targetPort').present)
    fields.get('targetPort').warning('not-supported', 'targetPort has no effect in a Sidecar', 'remove it');
  const port = readNetworkingPort(field, fields, { least, nameRequired: false });
  if (port === undefined) return undefined;
  const { number, name, protocol } = port;
  return protocol === 'udp'
    ? fields.get('protocol').error('not-tcp', 'a sidecar listens to TCP alone', 'remove the listener')
    : { number, name, protocol };
}

/** Where a listener is bound: an address or, where that is allowed, the path of a Unix socket. */
export function readBind(fields: Fields, sockets: boolean): string {
  const field = fields.get('bind');
  field.refuseNull('an address');
  const text = field.string() ?? '';
  if (text === '' || isIP(text) !== 0) return text;
  const path = text.replace(/^unix:\/\//, '');
  if (sockets && /^\/\S+$/.test(path)) return path;
  field.error(
    'bad-address',
    `${JSON.stringify(text)} is no address to listen on`,
    sockets ? 'write an IP address, or unix:// and an absolute path' : 'write an IP address',
  );
  return '';
}

/** Who could send to them would administer the sidecar, or go round in it for ever. */
export function refuseOwnPort(field: Field, port: number): void {
  if (sidecarOwnPorts.has(port)) field.error('bad-port', `port ${port} is the sidecar's own`, 'choose another port');
}
