import { type KeyObject, X509Certificate } from 'node:crypto';
import { MeshError } from '../lib/errors.ts';
import { spiffeId } from '../model/ids.ts';
import type { LeafNames, LeafTemplate } from './template.ts';

/**
 * Reads again what was just signed, with a parser that we didn't write, and compares it with what was to be signed. Run
 * for every certificate that leaves: Envoy takes a wrong one without a word (it checks peers, not itself), so the first
 * to notice would be the traffic.
 */
export function verifyLeaf(der: Uint8Array, template: LeafTemplate, issuerKey: KeyObject): void {
  const leaf = new X509Certificate(der);
  const wrong = firstDifference(leaf, template, issuerKey);
  if (wrong !== undefined) {
    throw new MeshError('internal', `a certificate that was just signed is not what was asked for: ${wrong}`);
  }
}

function firstDifference(leaf: X509Certificate, template: LeafTemplate, issuerKey: KeyObject): string | undefined {
  if (!leaf.verify(issuerKey)) return 'its signature does not verify with the issuer';
  if (leaf.ca) return 'it is an authority';
  if (leaf.subject !== undefined && leaf.subject !== '') return 'its subject is not empty';
  if (leaf.subjectAltName !== expectedNames(template.names)) return 'its names differ';
  if (leaf.validFromDate.getTime() !== template.notBefore) return 'it begins at another time';
  if (leaf.validToDate.getTime() !== template.notAfter) return 'it ends at another time';
  if (!sameSerial(leaf.serialNumber, template.serial)) return 'its serial number differs';
  if (!leaf.publicKey.export({ type: 'spki', format: 'der' }).equals(template.publicKey))
    return 'its public key differs';
  return undefined;
}

/** The names as node:crypto writes them. All are of plain characters, so that nothing gets quoted. */
function expectedNames(names: LeafNames): string {
  if (names.kind === 'workload') return `URI:${spiffeId(names.identity)}`;
  return [
    ...names.dnsNames.map((name) => `DNS:${name}`),
    ...names.ipAddresses.map((address) => `IP Address:${canonicalIp(address)}`),
  ].join(', ');
}

/** IPv6 as OpenSSL writes it: eight groups, upper case, nothing shortened. */
function canonicalIp(address: string): string {
  if (!address.includes(':')) return address;
  // The URL parser writes an IPv6 host in one way, whatever was put in.
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...tail].join(':').toUpperCase();
}

function sameSerial(hex: string, serial: Uint8Array): boolean {
  return BigInt(`0x${hex}`) === BigInt(`0x${Buffer.from(serial).toString('hex')}`);
}
