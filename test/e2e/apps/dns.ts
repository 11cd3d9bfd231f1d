/**
 * A DNS server over UDP: a line of JSON on standard input, `{port, names}`, where `names` maps each name to its IPv4 addresses;
 * port 0 is any free one. Each further line replaces the names. Says the port when it listens, and `known` after each further line.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const typeA = 1;
const noSuchName = 3;

let names: Readonly<Record<string, readonly string[]>> = {};

const server = createSocket('udp4', (query, { port, address }) => server.send(answer(query), port, address));
for await (const line of createInterface({ input: process.stdin })) {
  const wanted: { readonly port?: number; readonly names: typeof names } = JSON.parse(line);
  names = wanted.names;
  if (wanted.port === undefined) console.log('known');
  else server.bind(wanted.port, '127.0.0.1', () => console.log(server.address().port));
}
server.close();

/** The question again, and after it what is known (RFC 1035 4.1). Records live for a second. */
function answer(query: Buffer): Buffer {
  const { name, end } = questionOf(query);
  const known = names[name];
  const addresses = query.readUInt16BE(end) === typeA ? (known ?? []) : [];
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(0x8580 | (known === undefined ? noSuchName : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((each) => Buffer.from([0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4, ...bytes(each)]));
  return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
}

function bytes(address: string): readonly number[] {
  return address.split('.').map(Number);
}

/** The name that is asked for, and where its type stands. */
function questionOf(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}
