import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

const WANTED = /^(envoy|xds|udpa|validate|google|cel|opentelemetry|io)\//;
const SUFFIX = Buffer.from('.proto');

/**
 * Reads the API that a compiled Envoy really speaks.
 *
 * C++ protobuf embeds each file's serialized `FileDescriptorProto` in the binary. Each starts with field 1, the file's
 * name, so every `.proto` in the data is tried as the end of such a name.
 */
export function readEnvoyApi(binary: string): protobuf.Root {
  const bytes = readFileSync(binary);
  const files = new Map<string, Buffer>();
  for (let at = bytes.indexOf(SUFFIX); at >= 0; at = bytes.indexOf(SUFFIX, at + 1)) {
    const found = descriptorEndingItsName(bytes, at + SUFFIX.length);
    if (found !== null && found.body.length > (files.get(found.name)?.length ?? 0)) {
      files.set(found.name, found.body);
    }
  }
  const file = [...files]
    .filter(([name]) => WANTED.test(name))
    .map(([, body]) => descriptor.FileDescriptorProto.decode(body));
  if (file.length === 0) {
    throw new Error(`${binary} holds no protobuf descriptors: is it Envoy?`);
  }
  const set = descriptor.FileDescriptorSet.create({ file }) as protobuf.Message<descriptor.IFileDescriptorSet> &
    descriptor.IFileDescriptorSet;
  const root = protobuf.Root.fromDescriptor(set);
  root.resolveAll();
  return root;
}

function descriptorEndingItsName(bytes: Buffer, nameEnd: number): { name: string; body: Buffer } | null {
  for (let length = SUFFIX.length + 1; length < 200; length++) {
    const nameStart = nameEnd - length;
    const header = length < 128 ? [10, length] : [10, (length & 127) | 128, length >> 7];
    const start = nameStart - header.length;
    if (start < 0 || !isNameByte(bytes[nameStart])) {
      return null;
    }
    if (header.every((byte, index) => bytes[start + index] === byte)) {
      const end = endOfDescriptor(bytes, start);
      return { name: bytes.toString('latin1', nameStart, nameEnd), body: bytes.subarray(start, end) };
    }
  }
  return null;
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && /[\w./-]/.test(String.fromCharCode(byte));
}

// Field number → wire type, for all that a FileDescriptorProto may hold.
const WIRE_TYPES = new Map([
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15].map((f) => [f, 2] as const),
  [10, 0],
  [11, 0],
  [14, 0],
]);
const SYNTAX_FIELD = 12;

/** Nothing says how long an embedded descriptor is: it ends with `syntax`, or where the next bytes cannot belong. */
function endOfDescriptor(bytes: Buffer, start: number): number {
  let at = start;
  let named = false;
  for (;;) {
    const [tag, afterTag] = varint(bytes, at);
    const field = tag >>> 3;
    const wire = tag & 7;
    const packed = (field === 10 || field === 11) && wire === 2;
    if ((WIRE_TYPES.get(field) !== wire && !packed) || (field === 1 && named)) {
      return at;
    }
    named ||= field === 1;
    if (wire === 2) {
      const [length, content] = varint(bytes, afterTag);
      if (content + length > bytes.length) {
        return at;
      }
      at = content + length;
      if (field === SYNTAX_FIELD && bytes.toString('latin1', content, at) === 'proto3') {
        return at;
      }
    } else {
      at = varint(bytes, afterTag)[1];
    }
  }
}

function varint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0;
  let at = start;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128 || factor > 2 ** 49) {
      return [value, at];
    }
  }
}
