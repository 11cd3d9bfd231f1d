import { expect } from 'chai';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { gatewayYaml, type TestServer } from '../../support/gateway-documents.ts';
import { GatewayEnvoy } from '../../support/gateway-envoy.ts';
import { createTestCa, type Leaf } from '../../support/rbac-certificates.ts';

function routes(name: string, spec: object, { namespace = 'foo', day = 1 } = {}): string {
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    spec,
  });
}

const to = (host: string) => [{ destination: { host } }];
/** To the application, with a word that says by which route. */
const marked = (mark: string, prefix?: string) => ({
  ...(prefix === undefined ? {} : { match: [{ uri: { prefix } }] }),
  headers: { request: { set: { 'x-route': mark } } },
  route: to('app'),
});

for (const version of envoyVersions) {
  describe(`VirtualServices of a gateway on Envoy ${version}`, () => {
    let leaf: Leaf;
    let gateway: GatewayEnvoy;
    let ports: readonly number[];
    const url = (host: string, path = '/', port = ports[0]): string => `http://${host}:${port}${path}`;
    const routeOf = async (host: string, path = '/', ...options: readonly string[]): Promise<unknown> => {
      const { status, body } = await gateway.curl(url(host, path), ...options);
      return status === 200 ? JSON.parse(body)['x-route'] : status;
    };

    before(async () => {
      const ca = await createTestCa();
      leaf = await ca.issue([{ type: 'dns', value: 'raw.example' }], 'CN=raw');
      ports = await freePorts(3);
      const [http = 0, tls = 0, tcp = 0] = ports;
      const plain = (name: string, hosts: readonly string[], more: object = {}): TestServer => {
        return { port: http, name, protocol: 'HTTP', hosts, ...more };
      };
      gateway = await GatewayEnvoy.start(
        version,
        [
          gatewayYaml('one', [
            plain('http', ['shop.example', '*.wild.example', 'foo/own.example']),
            plain('redirect', ['secure.example'], { tls: { httpsRedirect: true } }),
            { port: tls, name: 'tls', protocol: 'TLS', hosts: ['*.example'], tls: { mode: 'PASSTHROUGH' } },
            { port: tcp, name: 'tcp', protocol: 'TCP', hosts: ['*'] },
          ]),
          gatewayYaml('two', [plain('http', ['shop.example'])]),
          routes('old', {
            hosts: ['shop.example', 'secure.example'],
            gateways: ['edge/one'],
            http: [
              marked('old', '/old'),
              { match: [{ uri: { prefix: '/gone' } }], route: to('nowhere') },
              marked('rest'),
            ],
          }),
          routes(
            'young',
            { hosts: ['shop.example'], gateways: ['edge/two'], http: [marked('young', '/young')] },
            { day: 2 },
          ),
          routes('wild', { hosts: ['*'], gateways: ['edge/one'], http: [marked('wild')] }, { namespace: 'bar' }),
          routes('narrow', { hosts: ['a.wild.example'], gateways: ['edge/one'], http: [marked('narrow')] }, { day: 3 }),
          routes('bytes', {
            hosts: ['raw.example'],
            gateways: ['edge/one'],
            tls: [{ match: [{ sniHosts: ['raw.example'] }], route: to('raw') }],
            tcp: [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route: to('nowhere') }, { route: to('app') }],
          }),
        ],
        leaf,
      );
      await gateway.until(({ status }) => status === 200, url('shop.example'));
    });

    after(async () => {
      await gateway[Symbol.asyncDispose]();
    });

    it('hold for a Host with and without port, in any case, with a dot at its end', async () => {
      const hosts = ['shop.example', `shop.example:${ports[0]}`, 'SHOP.example', 'shop.example.'];
      const found = await Promise.all(hosts.map((host) => routeOf('shop.example', '/', '-H', `host: ${host}`)));
      expect(found).to.deep.equal(['rest', 'rest', 'rest', 'rest']);
    });

    it('of several Gateways for one host hold together, the oldest first, those for everything last', async () => {
      const paths = ['/old', '/young', '/other'];
      expect(await Promise.all(paths.map((path) => routeOf('shop.example', path)))).to.deep.equal([
        'old',
        'young',
        'rest',
      ]);
    });

    it('are those of the most specific host, from the namespaces that the server takes', async () => {
      const hosts = ['a.wild.example', 'b.wild.example', 'wild.example', 'own.example', 'none.test'];
      const found = await Promise.all(hosts.map((host) => routeOf(host)));
      expect(found).to.deep.equal(['narrow', 'wild', 404, 404, 404]);
    });

    it('redirect where the server does, and answer 503 where the destination is not there', async () => {
      expect(await routeOf('secure.example')).to.equal(301);
      expect(await routeOf('shop.example', '/gone')).to.equal(503);
    });

    it('pass TLS on by its server name, and close what none names', async () => {
      const raw = await gateway.curl(`https://raw.example:${ports[1]}/`);
      expect([raw.status, raw.body]).to.deep.equal([200, 'raw']);
      expect((await gateway.curl(`https://other.example:${ports[1]}/`)).exit).to.equal(35);
    });

    it('pass bytes on by the address of the client', async () => {
      expect((await gateway.curl(url('any.test', '/', ports[2]))).status).to.equal(200);
    });
  });
}
