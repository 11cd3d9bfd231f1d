/** As much of HTTP/2 (RFC 9113) as it takes to say any path at all, and to read the answer. */
import type { TargetAnswer } from '../../support/e2e-probe-types.ts';

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const endStream = 1;
const acknowledged = 1;
const endHeaders = 4;
const headSize = 9;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headSize);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** No header table, so that every answer can be read by itself; and a window that never fills. */
export const preface: Buffer = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(types.settings, 0, 0, Buffer.concat([Buffer.from([0, 1]), uint32(0)])),
  frame(types.windowUpdate, 0, 0, uint32(0x7fff_ffff - 65_535)),
]);

/** A string literal of HPACK, not compressed (RFC 7541 section 5.2). */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const size = rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
  return Buffer.concat([Buffer.from(size), bytes]);
}

/** `GET <path>`, whatever stands in the path. */
export function headersOf(stream: number, path: string, authority: string): Buffer {
  const [get, http, pathName, authorityName] = [0x82, 0x86, 0x04, 0x01];
  const block = [Buffer.from([get, http, pathName]), literal(path), Buffer.from([authorityName]), literal(authority)];
  return frame(types.headers, endStream | endHeaders, stream, Buffer.concat(block));
}

/** Reads one answer after the other from the bytes of a connection. */
export class Http2Reader {
  readonly #write: (bytes: Buffer) => void;
  #unread: Buffer = Buffer.alloc(0);
  #status = 0;
  #body = '';
  /** The peer takes no further streams. */
  gone = false;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /** Gives the answer to a stream once it is whole. */
  take(chunk: Buffer, stream: number): TargetAnswer | undefined {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    let answer: TargetAnswer | undefined;
    for (;;) {
      if (this.#unread.length < headSize) return answer;
      const size = headSize + this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < size) return answer;
      const one = this.#unread.subarray(0, size);
      this.#unread = this.#unread.subarray(size);
      answer = this.#frame(one, stream) ?? answer;
    }
  }

  #frame(bytes: Buffer, stream: number): TargetAnswer | undefined {
    const [type, flags, of] = [bytes.readUInt8(3), bytes.readUInt8(4), bytes.readUInt32BE(5)];
    const payload = bytes.subarray(headSize);
    if (type === types.goAway) {
      this.gone = true;
      return { error: 'closed' };
    }
    if (type === types.settings && (flags & acknowledged) === 0) {
      this.#write(frame(types.settings, acknowledged, 0, Buffer.alloc(0)));
    }
    if (type === types.ping && (flags & acknowledged) === 0) this.#write(frame(types.ping, acknowledged, 0, payload));
    if (of !== stream) return undefined;
    if (type === types.headers && this.#status === 0) this.#status = statusOf(payload);
    if (type === types.data) this.#body += payload.toString('latin1');
    const over = (type === types.headers || type === types.data) && (flags & endStream) !== 0;
    if (!over && type !== types.reset) return undefined;
    const [status, body] = [this.#status, this.#body];
    [this.#status, this.#body] = [0, ''];
    return over ? { status, body } : { error: 'stream reset' };
  }
}

/** `:status` comes first: a number of the static table, or digits, Huffman-coded or not (RFC 7541, appendices A and B). */
function statusOf(block: Buffer): number {
  let at = 0;
  while (((block[at] ?? 0) & 0xe0) === 0x20) at += 1;
  const first = block[at] ?? 0;
  if (first >= 0x88 && first <= 0x8e) return [200, 204, 206, 304, 400, 404, 500][first - 0x88] ?? 0;
  const size = block[at + 1] ?? 0;
  const bytes = block.subarray(at + 2, at + 2 + (size & 0x7f));
  return Number((size & 0x80) === 0 ? bytes.toString('latin1') : huffmanDigits(bytes));
}

function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((each) => each.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let at = 0; digits.length < 3; ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2);
    at += short <= 2 ? 5 : 6;
    digits += short <= 2 ? short : Number.parseInt(bits.slice(at - 6, at), 2) - 0b011001 + 3;
  }
  return digits;
}
