import { expect } from 'chai';
import type { Finding } from '../../../../src/model/finding.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { secretResourceName } from '../../../../src/model/secret-source.ts';
import { effectiveGateway, type GatewayListener } from '../../../../src/translate/policy/gateway.ts';
import { snapshotIn } from '../../../support/compiled.ts';
import { gatewayDocument, objectsOf, secretYaml, type TestServer } from '../../../support/gateway-documents.ts';
import { meta, service } from '../../../support/objects.ts';
import { createTestCa, type Leaf } from '../../../support/rbac-certificates.ts';

const router = { namespace: 'edge', labels: { istio: 'ingressgateway' }, namedPorts: { web: 8081 }, pinnedBy: [] };

const http = (port: number, name: string, hosts: readonly string[], more: object = {}): TestServer => ({
  port,
  name,
  protocol: 'HTTP',
  hosts,
  ...more,
});
const https = (port: number, name: string, hosts: readonly string[], tls: object = {}): TestServer => ({
  port,
  name,
  protocol: 'HTTPS',
  hosts,
  tls: { mode: 'SIMPLE', credentialName: 'shop', ...tls },
});

const gateway = (name: string, servers: readonly TestServer[], more: object = {}): readonly MeshObject[] =>
  objectsOf(gatewayDocument(name, servers, more));

const effective = (...objects: readonly (readonly MeshObject[])[]) =>
  effectiveGateway(snapshotIn({}, objects.flat()), router);

/** `port chain [server names] content`, one for each chain. */
const chains = (listeners: readonly GatewayListener[]): readonly string[] =>
  listeners.flatMap(({ bind, port, chains: all }) =>
    all.map(({ name, serverNames, content }) =>
      [`${bind}:${port}`, name, serverNames === undefined ? '-' : `[${serverNames.join()}]`, content.kind].join(' '),
    ),
  );

const said = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ object, field, code, message }) => `${object} ${field} ${code}: ${message}`);

describe('the gateway of a router', () => {
  let leaf: Leaf;
  let authority: string;
  let shop: readonly MeshObject[];

  before(async () => {
    const ca = await createTestCa();
    leaf = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
    authority = ca.certificate;
    shop = objectsOf(secretYaml('shop', { 'tls.crt': leaf.certificate, 'tls.key': leaf.key }));
  });

  it('is what Gateways of any namespace say that select it by labels, and no others', () => {
    const found = effective(
      gateway('far', [http(80, 'a', ['a.example'])], { namespace: 'far' }),
      gateway('other', [http(81, 'b', ['*'])], { selector: { istio: 'egressgateway' } }),
      gateway('all', [http(82, 'c', ['*'])], { selector: {} }),
    );
    expect(chains(found.listeners)).to.deep.equal([':80 http.80 - http', ':82 http.82 - http']);
    expect(found.findings).to.deep.equal([]);
  });

  it('shares one route configuration among the plaintext servers of a port, and gives each TLS server its own', () => {
    const found = effective(
      shop,
      gateway('one', [
        http(80, 'http', ['a.example'], { tls: { httpsRedirect: true } }),
        https(443, 'https', ['b.example', 'a.example']),
        https(443, 'any', ['*']),
      ]),
      gateway('two', [http(80, 'http', ['./c.example'])], { namespace: 'two' }),
    );
    expect(chains(found.listeners)).to.deep.equal([
      ':80 http.80 - http',
      ':443 https.443.https.one.edge [a.example,b.example] http',
      ':443 https.443.any.one.edge [] http',
    ]);
    const any = undefined;
    expect(found.routes).to.deep.equal([
      {
        name: 'http.80',
        servers: [
          { gateway: 'edge/one', port: 80, hosts: [{ namespace: any, host: 'a.example' }], httpsRedirect: true },
          { gateway: 'two/two', port: 80, hosts: [{ namespace: 'two', host: 'c.example' }], httpsRedirect: false },
        ],
      },
      {
        name: 'https.443.https.one.edge',
        servers: [
          {
            gateway: 'edge/one',
            port: 443,
            hosts: [
              { namespace: any, host: 'b.example' },
              { namespace: any, host: 'a.example' },
            ],
            httpsRedirect: false,
          },
        ],
      },
      {
        name: 'https.443.any.one.edge',
        servers: [{ gateway: 'edge/one', port: 443, hosts: [{ namespace: any, host: '*' }], httpsRedirect: false }],
      },
    ]);
    expect(found.secrets.map(secretResourceName)).to.deep.equal(['kubernetes://shop']);
  });

  it('listens where its Services lead to, by number and by name, and as written where none does', () => {
    const edge = { selector: { istio: 'ingressgateway' } };
    const disabled = { 'experimental.istio.io/disable-gateway-port-translation': 'true' };
    const found = effective(
      [
        service(
          'edge',
          'ingress',
          [
            [80, 8080, 'http'],
            [81, 'web', 'http'],
            [82, 'unknown', 'http'],
          ],
          edge,
        ),
        service('edge', 'second', [[80, 9080, 'http']], edge),
        service('edge', 'off', [[83, 8083, 'http']], { ...edge, meta: meta('edge', 'off', { labels: disabled }) }),
        service('edge', 'app', [[84, 8084, 'http']]),
        service('far', 'ingress', [[85, 8085, 'http']], edge),
      ],
      gateway(
        'gw',
        [80, 81, 82, 83, 84, 85].map((port) => http(port, `p${port}`, ['*'])),
      ),
    );
    expect(chains(found.listeners).map((text) => text.split(' ')[1])).to.deep.equal([
      'http.82',
      'http.83',
      'http.84',
      'http.85',
      'http.8080',
      'http.8081',
      'http.9080',
    ]);
  });

  it('leaves the younger of two servers out that can not both hold, and says so', () => {
    const found = effective(
      shop,
      gateway('a-old', [
        https(443, 'https', ['a.example', '*.b.example']),
        http(80, 'http', ['*']),
        { port: 9000, name: 'tcp', protocol: 'TCP', hosts: ['*'] },
      ]),
      gateway('b-young', [
        https(443, 'https', ['c.example', 'a.example']),
        https(443, 'fine', ['*.c.example', 'x.b.example']),
        http(443, 'mixed', ['*']),
        https(80, 'mixed2', ['*']),
        { port: 9000, name: 'tcp', protocol: 'TCP', hosts: ['*'] },
        http(15021, 'own', ['*']),
      ]),
      gateway('c-bound', [http(443, 'bound', ['*'], { bind: '10.0.0.1' })]),
    );
    expect(chains(found.listeners)).to.deep.equal([
      ':80 http.80 - http',
      ':443 https.443.https.a-old.edge [*.b.example,a.example] http',
      ':443 https.443.fine.b-young.edge [*.c.example,x.b.example] http',
      '10.0.0.1:443 http.443.10.0.0.1 - http',
      ':9000 tcp.9000.tcp.a-old.edge - tcp',
    ]);
    expect(said(found.findings)).to.deep.equal([
      "Gateway/edge/b-young spec.servers[0].hosts gateway-conflict: host a.example is already edge/a-old's on port 443: this server is left out",
      "Gateway/edge/b-young spec.servers[2].port gateway-conflict: port 443 is already edge/a-old's, for TLS: this server is left out",
      "Gateway/edge/b-young spec.servers[3].port gateway-conflict: port 80 is already edge/a-old's, for plaintext HTTP: this server is left out",
      "Gateway/edge/b-young spec.servers[4].port gateway-conflict: port 9000 is already edge/a-old's, and TCP can not be told apart: this server is left out",
      "Gateway/edge/b-young spec.servers[5].port.number gateway-conflict: port 15021 is Envoy's own on every proxy of the mesh: this server is left out",
    ]);
  });

  it('closes servers whose credentials it can not have, and keeps their server names', () => {
    const found = effective(
      objectsOf(secretYaml('shop', { 'tls.crt': leaf.certificate, 'tls.key': leaf.key }, 'far')),
      objectsOf(secretYaml('empty', { 'tls.crt': '', 'tls.key': leaf.key })),
      objectsOf(secretYaml('only-key-pair', { 'tls.crt': leaf.certificate, 'tls.key': leaf.key })),
      gateway('gw', [
        https(443, 'absent', ['a.example']),
        https(443, 'forbidden', ['b.example'], { credentialName: 'kubernetes://far/shop' }),
        https(443, 'empty', ['c.example'], { credentialName: 'empty' }),
        https(443, 'no-ca', ['d.example'], { mode: 'MUTUAL', credentialName: 'only-key-pair' }),
        https(443, 'simple', ['e.example'], { credentialName: 'only-key-pair' }),
        https(443, 'auto', ['f.example'], { mode: 'AUTO_PASSTHROUGH', credentialName: undefined }),
      ]),
    );
    expect(
      chains(found.listeners).map((text) => text.replace(/^:443 https\.443\.(\S+)\.gw\.edge/, '$1')),
    ).to.deep.equal([
      'absent [a.example] refused',
      'forbidden [b.example] refused',
      'empty [c.example] refused',
      'no-ca [d.example] refused',
      'simple [e.example] http',
      'auto [f.example] refused',
    ]);
    expect(said(found.findings).map((text) => text.replace(/^Gateway\/edge\/gw spec\.servers/, ''))).to.deep.equal([
      '[0].tls.credentialName credential-missing: there is no Secret edge/shop: connections to this server are closed',
      '[1].tls.credentialName credential-forbidden: Secret far/shop is not for gateways in namespace edge: connections to this server are closed',
      '[2].tls.credentialName credential-empty: Secret edge/empty: its tls.crt is empty: connections to this server are closed',
      '[3].tls.credentialName credential-missing: Secret edge/only-key-pair: has neither ca.crt nor cacert: connections to this server are closed',
      '[5].tls.mode not-supported: AUTO_PASSTHROUGH joins meshes of several clusters, which this version does not: connections to this server are closed',
    ]);
    expect(found.secrets.map(secretResourceName)).to.deep.equal(['kubernetes://only-key-pair']);
  });

  it('takes the authorities of a credential from its twin before its own', () => {
    const mutual = gateway('gw', [https(443, 'https', ['*'], { mode: 'MUTUAL' })]);
    const twin = (ca: string) => objectsOf(secretYaml('shop-cacert', { cacert: ca }));
    expect(effective(shop, mutual).findings).to.have.length(1);
    const found = effective(shop, mutual, twin(authority));
    expect(found.findings).to.deep.equal([]);
    expect(found.secrets.map(secretResourceName)).to.deep.equal(['kubernetes://shop', 'kubernetes://shop-cacert']);
    expect(effective(shop, mutual, twin('nonsense')).findings.map(({ code }) => code)).to.deep.equal([
      'credential-unreadable',
    ]);
  });
});
