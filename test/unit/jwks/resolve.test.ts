import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { candidates, systemResolve } from '../../../src/jwks/resolve.ts';

/** The question of a DNS query (RFC 1035, section 4.1.2): the name, and whether it asks for IPv4. */
function question(query: Buffer): { readonly name: string; readonly v4: boolean; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), v4: query.readUInt16BE(at + 1) === 1, end: at + 5 };
}

function answer(query: Buffer, address: readonly number[] | undefined): Buffer {
  const { end } = question(query);
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(address === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(address === undefined ? 0 : 1, 6);
  head.writeUInt32BE(0, 8);
  const record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...(address ?? [])];
  return address === undefined ? head : Buffer.concat([head, Buffer.from(record)]);
}

describe('finding the addresses of a name', () => {
  let folder: string;
  let stack: AsyncDisposableStack;
  const asked = new Set<string>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-resolve-'));
    await writeFile(
      join(folder, 'hosts'),
      '# names\n10.9.8.7 keys.example other.example # mine\nfd00::7 KEYS.example\n',
    );
    await writeFile(join(folder, 'resolv.conf'), 'search mesh.test. corp.test\noptions edns0 ndots:2\n');
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => {
    stack = new AsyncDisposableStack();
    asked.clear();
  });
  afterEach(() => stack.disposeAsync());

  /** A name server that knows these names, and says nothing of others that start with `silent`. */
  async function resolver(known: Readonly<Record<string, readonly number[]>>) {
    const server = createSocket('udp4');
    server.on('message', (query, peer) => {
      const { name, v4 } = question(query);
      asked.add(name);
      if (!name.startsWith('silent')) server.send(answer(query, v4 ? known[name] : undefined), peer.port, peer.address);
    });
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
    return systemResolve({
      hosts: join(folder, 'hosts'),
      resolvConf: join(folder, 'resolv.conf'),
      servers: [`127.0.0.1:${server.address().port}`],
    });
  }
  const signal = new AbortController().signal;

  it('reads the hosts file first, and never asks anybody for localhost', async () => {
    const resolve = await resolver({});
    expect(await resolve('Keys.example', signal)).to.deep.equal(['10.9.8.7', 'fd00::7']);
    expect(await resolve('other.example.', signal)).to.deep.equal(['10.9.8.7']);
    expect(await resolve('localhost', signal)).to.deep.equal(['127.0.0.1', '::1']);
    expect(await resolve('a.localhost', signal)).to.deep.equal(['127.0.0.1', '::1']);
    expect([...asked]).to.deep.equal([]);
  });

  it('follows the search list as far as the first name that is known', async () => {
    const resolve = await resolver({ 'idp.mesh.test': [10, 0, 0, 5], 'a.b.example': [10, 0, 0, 6] });
    expect(await resolve('idp', signal)).to.deep.equal(['10.0.0.5']);
    expect(await resolve('a.b.example', signal)).to.deep.equal(['10.0.0.6']);
    expect([...asked]).to.deep.equal(['idp.mesh.test', 'a.b.example']);
    asked.clear();
    const thrown = await resolve('lost', signal).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(thrown).to.equal('ENOTFOUND');
    expect([...asked]).to.deep.equal(['lost.mesh.test', 'lost.corp.test', 'lost']);
  });

  it('gives up on a silent server when the signal says so, and delays no other name meanwhile', async () => {
    const resolve = await resolver({ 'a.b.example': [10, 0, 0, 6] });
    const stop = new AbortController();
    const silent = Array.from({ length: 8 }, (_, index) =>
      resolve(`silent${index}.a.b`, stop.signal).then(
        () => 'found',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    );
    expect(await resolve('a.b.example', signal)).to.deep.equal(['10.0.0.6']);
    stop.abort();
    for (const code of await Promise.all(silent)) expect(code).to.be.oneOf(['ECANCELLED', 20]);
  });

  it('knows what a name may mean', () => {
    const conf = 'search a.test b.test\noptions ndots:5\n';
    expect(candidates('x.example', conf)).to.deep.equal(['x.example.a.test', 'x.example.b.test', 'x.example']);
    expect(candidates('x.example', '')).to.deep.equal(['x.example']);
    expect(candidates('x.example', 'search a.test')).to.deep.equal(['x.example', 'x.example.a.test']);
    expect(candidates('x.example.', conf)).to.deep.equal(['x.example']);
  });
});
