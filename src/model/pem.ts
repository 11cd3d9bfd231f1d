/** The blocks of one label in a PEM text, each anew without what stood around it: the bags and subjects that tools write there. */
export function pemBlocks(text: string, label: string): readonly string[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g');
  return [...text.matchAll(pattern)].map(([, body = '']) => {
    const lines = body.replace(/\s/g, '').replace(/.{64}(?=.)/g, '$&\n');
    return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
  });
}

/** The bytes of one block. */
export function pemBytes(block: string): Uint8Array {
  return new Uint8Array(Buffer.from(block.replace(/-----[^-]+-----/g, ''), 'base64'));
}

/** Are these bytes one DER sequence, with nothing behind it? */
export function isDerSequence(bytes: Uint8Array): boolean {
  const [tag, first = 0] = bytes;
  if (tag !== 0x30) return false;
  if (first < 0x80) return bytes.length === 2 + first;
  const size = first & 0x7f;
  if (size === 0 || size > 4) return false;
  const length = bytes.subarray(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 + size + length;
}
