import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { anyAudience, type ConnectionRoute } from '../../../src/model/virtual-service.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import type { Outbound } from '../../../src/translate/outbound.ts';
import { clientOf } from '../../../src/translate/policy/client.ts';
import { Problems } from '../../../src/translate/problems.ts';
import { Services } from '../../../src/translate/services.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { destinationRule, entryEndpoint, noPolicy, serviceEntry, snapshotOf } from '../../support/objects.ts';
import { OutboundEnvoy } from '../../support/outbound-envoy.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';
import { to, virtualService } from '../../support/virtual-services.ts';

/** What is said until the other side closes; '' where that is without a word. */
async function said(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** An HTTP proxy that notes what it is asked for, and leads all of it to one server. */
function httpProxy(port: () => number, asked: string[]): Server {
  const proxy = createHttpServer();
  proxy.on('connect', (request, client: Socket) => {
    asked.push(`${request.method} ${request.url}`);
    const server = connect(port(), '127.0.0.1');
    for (const each of [server, client]) each.on('error', () => undefined);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    client.pipe(server).pipe(client);
  });
  return proxy;
}

for (const version of envoyVersions) {
  describe(`tunnels of DestinationRules on Envoy ${version}`, function () {
    this.timeout(60_000);
    const servers: Server[] = [];
    const asked: string[] = [];
    let envoy: OutboundEnvoy;
    let [tls = 0, own = 0] = [] as readonly number[];

    before(async () => {
      [tls = 0, own = 0] = await freePorts(2);
      envoy = await OutboundEnvoy.start(version, await outboundSide(), 'shop', { ports: [tls], dns: 1 });
    });
    after(async () => {
      await envoy[Symbol.asyncDispose]();
      for (const server of servers) server.close();
    });
    beforeEach(() => {
      asked.length = 0;
    });

    async function outboundSide(): Promise<Outbound> {
      const serve = async (server: Server): Promise<number> => {
        servers.push(server);
        return listening(server);
      };
      const leaf = await (await createTestCa()).issue([{ type: 'dns', value: 'outside' }]);
      const outside = await serve(
        createTlsServer({ cert: leaf.certificate, key: leaf.key }, (socket) =>
          socket.on('error', () => undefined).end(`secure ${socket.servername}`),
        ),
      );
      const plain = await serve(createServer((socket) => socket.on('error', () => undefined).end('plain')));
      const secureProxy = await serve(httpProxy(() => outside, asked));
      const plainProxy = await serve(httpProxy(() => plain, asked));
      const at = { resolution: 'STATIC', endpoints: [entryEndpoint('shop', '127.0.0.1')] } as const;
      const through = (host: string, target: string) =>
        destinationRule('shop', host, host, { ...noPolicy, tunnel: { target } });
      const match = { ...anyAudience, destinationSubnets: [], sourceSubnets: [] };
      const route = (sniHost: string, ...destinations: ConnectionRoute['destinations']): ConnectionRoute => ({
        matches: [{ ...match, sniHosts: [sniHost] }],
        destinations,
      });
      const named = ['a.test', 'mixed.test', 'straight.test'].map((host) =>
        serviceEntry('shop', host, host, [[tls, outside, 'tls']], at),
      );
      const snapshot = snapshotOf([
        ...named,
        serviceEntry('shop', 'secure', 'secure.proxy', [[1, secureProxy, 'tcp']], at),
        serviceEntry('shop', 'own.proxy', 'own.proxy', [[own, plainProxy, 'tcp']], { ...at, addresses: ['127.0.0.1'] }),
        through('secure.proxy', 'end.test:9443'),
        through('own.proxy', '[2001:db8::1]:5432'),
        virtualService('shop', 'a', ['a.test'], { tls: [route('a.test', to('secure.proxy'))] }),
        virtualService('shop', 'mixed', ['mixed.test'], {
          tls: [route('mixed.test', to('secure.proxy'), to('own.proxy'))],
        }),
      ]);
      const services = new Services(snapshot, new BuildCache({ verify: true }), new Problems());
      return services.for(clientOf(snapshot, { kind: 'sidecar', namespace: 'shop', labels: {} }));
    }

    const secured = (servername: string) =>
      said(tlsConnect({ host: '127.0.0.1', port: tls, servername, rejectUnauthorized: false }));

    it('asks the proxy to which a route leads for the end of its tunnel', async () => {
      expect(await secured('a.test')).to.equal('secure a.test');
      expect(asked).to.deep.equal(['CONNECT end.test:9443']);
    });

    it('asks the proxy that a client itself connects to', async () => {
      expect(await said(connect(own, '127.0.0.1'))).to.equal('plain');
      expect(asked).to.deep.equal(['CONNECT [2001:db8::1]:5432']);
    });

    it('ends connections that would go through one tunnel or another', async () => {
      expect(await secured('mixed.test')).to.equal('');
      expect(asked).to.deep.equal([]);
    });

    it('leaves alone what no rule sends through one', async () => {
      expect(await secured('straight.test')).to.equal('secure straight.test');
      expect(asked).to.deep.equal([]);
    });
  });
}
