/**
 * Reads DER strictly, as much of it as is needed to look into a certificate. node:crypto gives names only as quoted
 * text, and text that a stranger can shape is nothing to take an identity from.
 */
export interface Node {
  readonly tag: number;
  /** What stands between the header and the end of this value. */
  readonly value: Uint8Array;
  /** Header and value. */
  readonly whole: Uint8Array;
}

/** Reads all values of a constructed one; throws a RangeError on anything that is no DER. */
export function children(value: Uint8Array): readonly Node[] {
  const out: Node[] = [];
  for (let at = 0; at < value.length; ) {
    const node = readNode(value, at);
    out.push(node);
    at += node.whole.length;
  }
  return out;
}

/** Reads bytes that are exactly one value. */
export function single(bytes: Uint8Array): Node {
  const node = readNode(bytes, 0);
  if (node.whole.length !== bytes.length) throw new RangeError('bytes after the end of a DER value');
  return node;
}

function readNode(bytes: Uint8Array, at: number): Node {
  const tag = byteAt(bytes, at);
  if ((tag & 0x1f) === 0x1f) throw new RangeError('a DER tag of more than one byte');
  const first = byteAt(bytes, at + 1);
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size === 0 || size > 3) throw new RangeError('a DER length that no certificate has');
    length = 0;
    for (let index = 0; index < size; index++) length = length * 256 + byteAt(bytes, start + index);
    if (length < 0x80 || length < 2 ** (8 * (size - 1)))
      throw new RangeError('a DER length that is not the shortest form');
    start += size;
  }
  if (start + length > bytes.length) throw new RangeError('a DER value that ends too early');
  return { tag, value: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('a DER value that ends too early');
  return byte;
}
