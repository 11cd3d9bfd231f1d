import { isIPv4 } from 'node:net';

/**
 * Writes DER (ITU-T X.690), as much of it as a certificate needs. By hand, because one leaf then costs little more than
 * its signature: a mesh that reconnects as a whole asks for a thousand of them in a second.
 */
type Bytes = Uint8Array;

/** One tag-length-value; the parts are the value. */
export function tlv(tag: number, ...parts: readonly Bytes[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = headerOf(tag, length);
  const out = Buffer.allocUnsafe(header.length + length);
  out.set(header);
  let at = header.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function headerOf(tag: number, length: number): readonly number[] {
  if (length < 0x80) return [tag, length];
  if (length < 0x100) return [tag, 0x81, length];
  if (length < 0x10000) return [tag, 0x82, length >> 8, length & 0xff];
  throw new RangeError(`no certificate field is ${length} bytes long`);
}

export const sequence = (...parts: readonly Bytes[]): Buffer => tlv(0x30, ...parts);
export const set = (...parts: readonly Bytes[]): Buffer => tlv(0x31, ...parts);
export const octetString = (value: Bytes): Buffer => tlv(0x04, value);
export const utf8String = (value: string): Buffer => tlv(0x0c, Buffer.from(value, 'utf8'));
export const nullValue: Bytes = Buffer.from([0x05, 0x00]);
export const booleanTrue: Bytes = Buffer.from([0x01, 0x01, 0xff]);

/** A BIT STRING of whole bytes. */
export const bitString = (value: Bytes): Buffer => tlv(0x03, Buffer.from([0]), value);

/** The named-bit string of a small set of flags: bit 0 is the most significant one, trailing zero bits go (X.690 11.2.2). */
export function namedBits(...bits: readonly number[]): Buffer {
  const last = Math.max(...bits);
  const value = Buffer.alloc((last >> 3) + 1);
  for (const bit of bits) value[bit >> 3] = (value[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return tlv(0x03, Buffer.from([7 - (last & 7)]), value);
}

/** An INTEGER of 0 or more, from its big-endian bytes. */
export function unsignedInteger(bytes: Bytes): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const value = bytes.subarray(start);
  return (value[0] ?? 0) >= 0x80 ? tlv(0x02, Buffer.from([0]), value) : tlv(0x02, value);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const out = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    out.push(...groups);
  }
  return tlv(0x06, Buffer.from(out));
}

/** A Time: UTCTime through 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5), whole seconds. */
export function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
  return ms < Date.UTC(2050, 0) ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

/** A context-specific tag: `[n] EXPLICIT` around parts. */
export const explicit = (tag: number, ...parts: readonly Bytes[]): Buffer => tlv(0xa0 | tag, ...parts);

/** A context-specific tag: `[n] IMPLICIT` over a primitive value. */
export const implicit = (tag: number, value: Bytes): Buffer => tlv(0x80 | tag, value);

/** The 4 or 16 bytes of an address that `net.isIP` accepts, as an iPAddress name wants them (RFC 5280 section 4.2.1.6). */
export function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [left = '', right] = embedIpv4(address).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const middle = right === undefined ? 0 : 8 - head.length - tail.length;
  const out = Buffer.alloc(16);
  [...head, ...Array<string>(middle).fill('0'), ...tail].forEach((group, at) =>
    out.writeUInt16BE(Number.parseInt(group, 16), at * 2),
  );
  return out;
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
function embedIpv4(address: string): string {
  const dotted = /[^:]*\.[^:]*$/.exec(address)?.[0];
  if (dotted === undefined) return address;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${address.slice(0, -dotted.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
