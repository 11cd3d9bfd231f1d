import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { ServiceEntry } from '../../../src/model/service-entry.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { Outbound } from '../../../src/translate/outbound.ts';
import { effectiveEntry } from '../../../src/translate/policy/service-entry.ts';
import { serviceUnit } from '../../../src/translate/service-unit.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { entryEndpoint, serviceEntry, snapshotOf, wholePart } from '../../support/objects.ts';
import { OutboundEnvoy } from '../../support/outbound-envoy.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';

/** The outbound side with these entries, as the compiler would put it together. */
function outboundOf(entries: readonly ServiceEntry[]): Outbound {
  const cache = new BuildCache({ verify: true });
  const snapshot = snapshotOf(entries);
  const outbound = new Outbound(cache, { ...defaultMesh, outboundTrafficPolicy: 'REGISTRY_ONLY' });
  const units = entries.flatMap((entry) =>
    entry.hosts.map((host) => {
      const service = effectiveEntry(snapshot, entry, host, wholePart(entry));
      return [`${entry.meta.name}/${host}`, serviceUnit(cache, service, defaultMesh)] as const;
    }),
  );
  outbound.set(new Map(units));
  return outbound;
}

async function listening(server: Server, at: number | string = 0, address = '127.0.0.1'): Promise<number> {
  if (typeof at === 'string') server.listen(at);
  else server.listen(at, address);
  await once(server, 'listening');
  const bound: AddressInfo | string | null = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

/** What answers first on a TCP connection; '' where it is closed without a word. */
const hello = (host: string, port: number): Promise<string> => said(connect(port, host));

/** What a TLS server says after the handshake; '' where there is none. */
const tlsHello = (host: string, port: number, servername: string): Promise<string> =>
  said(tlsConnect({ host, port, servername, rejectUnauthorized: false }));

function said(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.on('close', () => resolve(text));
  });
}

async function httpHello(port: number, host: string, address = '127.0.0.1'): Promise<string> {
  const sent = request({ host: address, port, headers: { host }, agent: false });
  sent.end();
  const [answer] = await once(sent, 'response');
  let body = '';
  for await (const chunk of answer) body += chunk;
  return answer.statusCode === 200 ? body : String(answer.statusCode);
}

/** Starts the DNS server of the end-to-end tests, and gives its port. */
async function dnsServer(names: Readonly<Record<string, readonly string[]>>) {
  const program = resolve(import.meta.dirname, '../../e2e/apps/dns.ts');
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(`${JSON.stringify({ port: 0, names })}\n`);
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return { child, port: Number(value) };
}

describe('ServiceEntries on a real Envoy', function () {
  this.timeout(120_000);
  const servers: Server[] = [];
  let folder = '';
  let outbound: Outbound;
  let dns: { readonly child: ChildProcess; readonly port: number };
  let ports: readonly number[] = [];
  let [http = 0, tls = 0, tcp = 0, mixed = 0, vip = 0, around = 0] = ports;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-entries-'));
    const serve = async (server: Server, at?: number | string, address?: string) => {
      servers.push(server);
      return listening(server, at, address);
    };
    dns = await dnsServer({
      'named.example.com': ['127.0.0.1'],
      'elsewhere.example.com': ['127.0.0.1'],
      'both.example.com': ['127.0.0.1', '127.0.0.2'],
    });
    const web = (name: string) => createHttpServer((_, answer) => answer.end(name));
    const speaksFirst = (name: string) => createServer((socket) => socket.on('error', () => undefined).end(name));
    const leaf = await (await createTestCa()).issue([{ type: 'dns', value: 'outside' }]);
    const secure = (name: string) =>
      createTlsServer({ cert: leaf.certificate, key: leaf.key }, (socket) =>
        socket.on('error', () => undefined).end(`${name} ${socket.servername}`),
      );
    const [a, b] = [await serve(web('a')), await serve(web('b'))];
    const [tcpA, tcpB, tcpC] = [
      await serve(speaksFirst('A')),
      await serve(speaksFirst('B')),
      await serve(speaksFirst('C')),
    ];
    const [tlsA, tlsB] = [await serve(secure('A')), await serve(secure('B'))];
    const pair = await serve(web('first'));
    await serve(web('second'), pair, '127.0.0.2');
    const socket = join(folder, 'app.sock');
    await serve(web('socket'), socket);
    ports = await freePorts(6);
    [http = 0, tls = 0, tcp = 0, mixed = 0, vip = 0, around = 0] = ports;
    const at = (port: number, name: string) => entryEndpoint('shop', '127.0.0.1', { namedPorts: { [name]: port } });
    const named = (host: string, target: number, more: Partial<ServiceEntry>) =>
      serviceEntry('shop', host, host, [[http, target, 'http']], more);
    outbound = outboundOf([
      named('named.example.com', a, { resolution: 'DNS' }),
      named('both.example.com', pair, { resolution: 'DNS' }),
      named('robin.example.com', b, {
        resolution: 'DNS_ROUND_ROBIN',
        endpoints: [entryEndpoint('shop', 'elsewhere.example.com')],
      }),
      named('unresolved.example.com', a, { resolution: 'DNS' }),
      named('static.example.com', b, { resolution: 'STATIC', endpoints: [entryEndpoint('shop', '127.0.0.1')] }),
      named('*.wild.example.com', a, { resolution: 'STATIC', endpoints: [entryEndpoint('shop', '127.0.0.1')] }),
      named('socket.example.com', 1, { resolution: 'STATIC', endpoints: [entryEndpoint('shop', socket)] }),
      named('none.example.com', 1, { resolution: 'NONE' }),
      named('nobody.example.com', 1, {
        resolution: 'DNS_ROUND_ROBIN',
        workloadSelector: { matchLabels: { app: 'no' } },
      }),
      serviceEntry('shop', 'tls-a', 'a.example.com', [[tls, tlsA, 'tls']], {
        resolution: 'STATIC',
        endpoints: [entryEndpoint('shop', '127.0.0.1')],
      }),
      serviceEntry('shop', 'tls-b', '*.b.example.com', [[tls, tlsB, 'tls']], {
        resolution: 'STATIC',
        endpoints: [entryEndpoint('shop', '127.0.0.1')],
      }),
      serviceEntry('shop', 'block', 'block.example.com', [[tcp, 1, 'tcp']], {
        resolution: 'STATIC',
        blocks: [{ address: '127.0.8.0', prefixLength: 24 }],
        endpoints: [at(tcpA, `tcp-${tcp}`)],
      }),
      serviceEntry('else', 'around', 'around.example.com', [[around, 1, 'tcp']], {
        resolution: 'STATIC',
        blocks: [{ address: '127.0.8.0', prefixLength: 24 }],
        endpoints: [at(tcpA, `tcp-${around}`)],
      }),
      serviceEntry('shop', 'in-block', 'in-block.example.com', [[around, a, 'http']], {
        resolution: 'STATIC',
        addresses: ['127.0.8.9', '127.0.10.9'],
        endpoints: [entryEndpoint('shop', '127.0.0.1')],
      }),
      serviceEntry('shop', 'rest', 'rest.example.com', [[tcp, 1, 'tcp']], {
        resolution: 'STATIC',
        endpoints: [at(tcpB, `tcp-${tcp}`)],
      }),
      serviceEntry('shop', 'mixed-http', 'mixed.example.com', [[mixed, a, 'http']], {
        resolution: 'DNS',
        endpoints: [entryEndpoint('shop', 'elsewhere.example.com')],
      }),
      serviceEntry('shop', 'mixed-tls', 'a.example.com', [[mixed, tlsA, 'tls']], {
        resolution: 'STATIC',
        endpoints: [entryEndpoint('shop', '127.0.0.1')],
      }),
      serviceEntry('shop', 'vip', 'vip.example.com', [[vip, tcpC, 'tcp']], {
        resolution: 'STATIC',
        addresses: ['127.0.0.1', '127.0.10.1'],
        endpoints: [entryEndpoint('shop', '127.0.0.1')],
      }),
      serviceEntry('shop', 'other-vip', 'other.example.com', [[vip, tcpA, 'tcp']], {
        resolution: 'DNS',
        addresses: ['127.0.10.2'],
        endpoints: [entryEndpoint('shop', 'named.example.com')],
      }),
    ]);
  });
  after(async () => {
    for (const server of servers) server.close();
    dns.child.stdin?.end();
    await once(dns.child, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  for (const version of envoyVersions) {
    describe(version, () => {
      let envoy: OutboundEnvoy;
      before(async () => {
        envoy = await OutboundEnvoy.start(version, outbound, 'shop', { ports, dns: dns.port });
      });
      after(() => envoy[Symbol.asyncDispose]());

      it('finds endpoints of HTTP hosts by DNS, from lists, and behind a socket', async () => {
        expect(await httpHello(http, 'named.example.com')).to.equal('a');
        expect(await httpHello(http, 'robin.example.com')).to.equal('b');
        expect(await httpHello(http, 'static.example.com')).to.equal('b');
        expect(await httpHello(http, 'any.wild.example.com')).to.equal('a');
        expect(await httpHello(http, 'socket.example.com')).to.equal('socket');
        expect(await httpHello(http, 'nobody.example.com')).to.equal('503');
        expect(await httpHello(http, 'unknown.example.com')).to.equal('502');
      });

      it('takes all answers of DNS for endpoints, and none for none', async () => {
        const seen = new Set<string>();
        for (let asked = 0; asked < 200 && seen.size < 2; asked++) seen.add(await httpHello(http, 'both.example.com'));
        expect([...seen].sort()).to.deep.equal(['first', 'second']);
        expect(await httpHello(http, 'unresolved.example.com')).to.equal('503');
      });

      it('passes TLS through by its server name, and no other', async () => {
        expect(await tlsHello('127.0.0.1', tls, 'a.example.com')).to.equal('A a.example.com');
        expect(await tlsHello('127.0.0.1', tls, 'x.b.example.com')).to.equal('B x.b.example.com');
        expect(await tlsHello('127.0.0.1', tls, 'b.example.com')).to.equal('');
      });

      it('knows TCP by its address, though the server speaks first', async () => {
        expect(await hello('127.0.8.1', tcp)).to.equal('A');
        expect(await hello('127.0.9.1', tcp)).to.equal('B');
        expect(await hello('127.0.0.1', vip)).to.equal('C');
        expect(await hello('127.0.10.1', vip)).to.equal('C');
        expect(await hello('127.0.10.2', vip)).to.equal('A');
      });

      it('leaves HTTP to a service whose address stands in a block of another', async () => {
        expect(await httpHello(around, 'in-block.example.com', '127.0.8.9')).to.equal('a');
        expect(await httpHello(around, 'in-block.example.com', '127.0.10.9')).to.equal('a');
      });

      it('tells HTTP, TLS and the rest of one port from each other', async () => {
        expect(await httpHello(mixed, 'mixed.example.com')).to.equal('a');
        expect(await httpHello(mixed, 'unknown.example.com')).to.equal('502');
        expect(await tlsHello('127.0.0.1', mixed, 'a.example.com')).to.equal('A a.example.com');
        expect(await tlsHello('127.0.0.1', mixed, 'b.example.com')).to.equal('');
      });
    });
  }
});
