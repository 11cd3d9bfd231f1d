import { MeshError } from '../lib/errors.ts';

const malformed = (): MeshError => new MeshError('bad-argument', 'malformed protobuf message');

/**
 * Walks the fields of one protobuf message without building an object (protobuf.dev, "Encoding"). Requests of a
 * reconnecting Envoy hold thousands of entries; most of them only have to be compared, not kept.
 */
export class WireReader {
  readonly bytes: Buffer;
  readonly end: number;
  pos: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = start;
    this.end = end;
  }

  /** A tag or a length. Longer than 28 bits can't be either in a message that we accept. */
  varint(): number {
    if (this.pos < this.end) {
      const byte = this.bytes[this.pos] ?? 0;
      if (byte < 0x80) {
        this.pos++;
        return byte;
      }
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.pos >= this.end) {
        throw malformed();
      }
      const byte = this.bytes[this.pos++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        return value;
      }
    }
    throw malformed();
  }

  /** Reads a length and returns where the field ends. */
  limit(): number {
    const length = this.varint();
    const limit = this.pos + length;
    if (limit > this.end) {
      throw malformed();
    }
    return limit;
  }

  string(): string {
    const limit = this.limit();
    const text = this.bytes.toString('utf8', this.pos, limit);
    this.pos = limit;
    return text;
  }

  /** The field's bytes, not copied. */
  view(): Buffer {
    const limit = this.limit();
    const view = this.bytes.subarray(this.pos, limit);
    this.pos = limit;
    return view;
  }

  /** Steps over the entries of a repeated field that follow, as far as they are short; returns how many. */
  skipRun(tag: number): number {
    const { bytes, end } = this;
    let { pos } = this;
    let count = 0;
    for (; pos + 1 < end && bytes[pos] === tag; count++) {
      const length = bytes[pos + 1] ?? 0;
      if (length >= 0x80 || pos + 2 + length > end) {
        break;
      }
      pos += 2 + length;
    }
    this.pos = pos;
    return count;
  }

  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.#skipVarint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.pos = this.limit();
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw malformed();
    }
  }

  #skipVarint(): void {
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.end) {
        throw malformed();
      }
      if ((this.bytes[this.pos++] ?? 0) < 0x80) {
        return;
      }
    }
    throw malformed();
  }

  #advance(count: number): void {
    this.pos += count;
    if (this.pos > this.end) {
      throw malformed();
    }
  }
}

/** A stretch of a request that holds all entries of one repeated field; read only by who needs them. */
export interface WireRange {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

export const emptyRange: WireRange = { bytes: Buffer.alloc(0), start: 0, end: 0, count: 0 };

/** The strings of a repeated string field within a range; other fields between them are stepped over. */
export function rangeStrings(range: WireRange, tag: number): string[] {
  const strings: string[] = [];
  const reader = new WireReader(range.bytes, range.start, range.end);
  while (reader.pos < reader.end) {
    const each = reader.varint();
    if (each === tag) {
      strings.push(reader.string());
    } else {
      reader.skip(each & 7);
    }
  }
  return strings;
}

/** How many bytes a varint takes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Writes a varint of up to 32 bits and returns the position after it. */
export function writeVarint(target: Uint8Array, start: number, value: number): number {
  let pos = start;
  let rest = value;
  while (rest > 0x7f) {
    target[pos++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[pos++] = rest;
  return pos;
}

/** A length-delimited string field, tag included; nothing for '', as proto3 has it. */
export function stringField(tag: number, text: string): Buffer {
  if (text === '') {
    return Buffer.alloc(0);
  }
  const length = Buffer.byteLength(text);
  const field = Buffer.allocUnsafe(1 + varintSize(length) + length);
  field[0] = tag;
  field.write(text, writeVarint(field, 1, length));
  return field;
}
