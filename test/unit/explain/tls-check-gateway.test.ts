import { expect } from 'chai';
import { type TlsCheck, tlsCheck } from '../../../src/explain/tls-check.ts';
import { worldOf } from '../../support/explain-world.ts';
import { gatewayDocument, secretYaml, type TestServer } from '../../support/gateway-documents.ts';
import { makeAuthority, makeCertificate, makeRevocationList } from '../../support/origin-certificates.ts';

const host = 'gw.edge.svc.cluster.local';
const [authority, stranger] = [makeAuthority('authority'), makeAuthority('stranger')];
const shown = makeCertificate(authority, 'web', ['web.example', '*.wide.example', host]);
const secret = (name: string, { certificate, key } = shown, more: Readonly<Record<string, string>> = {}): string =>
  secretYaml(name, { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authority.certificate, ...more });

/** Two gateways, `gw` and `exit`, in one namespace, with Services; and what they show. */
const pods = ['gw', 'exit'].map(
  (name, index) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}-0, namespace: edge, labels: {app: ${name}}}
spec: {serviceAccountName: ${name}, containers: [{name: istio-proxy}]}
status: {podIP: 10.1.2.${index + 1}, phase: Running, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: edge}
spec:
  selector: {app: ${name}}
  clusterIP: 10.0.1.${index + 1}
  ports: [{name: http, port: 80}, {name: tcp, port: 81}, {name: tls, port: 83}, {name: http-status, port: 15021}]
`,
);
const exit = gatewayDocument('exit', [{ port: 90, name: 'http', protocol: 'HTTP', hosts: ['*'] }], {
  selector: { app: 'exit' },
});
const world = [...pods, exit, secret('web'), secret('own', makeCertificate(authority, 'client'))];

const https = (port: number, tls: object, hosts = ['web.example'], protocol = 'HTTPS'): TestServer => ({
  port,
  name: `s${port}`,
  protocol,
  hosts,
  tls,
});
const simple = { mode: 'SIMPLE', credentialName: 'web' };
const mutual = { ...simple, mode: 'MUTUAL' };
const optional = { ...simple, mode: 'OPTIONAL_MUTUAL' };
const mesh = { mode: 'ISTIO_MUTUAL' };

const documents = (kind: string, spec: object, namespace: string): string =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'rule', namespace }, spec });

interface Asked {
  readonly servers: readonly TestServer[];
  /** TLS settings of the client's rule. */
  readonly tls?: object;
  readonly port?: number;
  /** A sidecar, if not another. */
  readonly from?: string;
  readonly more?: readonly string[];
}

function check({ servers, tls, port = 80, from = 'caller.shop', more = [] }: Asked): TlsCheck {
  const rule = documents('DestinationRule', { host, trafficPolicy: { tls } }, from.split('.')[1] ?? '');
  const gateway = gatewayDocument('gw', servers, { selector: { app: 'gw' } });
  const parts = [...world, gateway, ...(tls === undefined ? [] : [rule]), ...more];
  const { compiler } = worldOf(parts.join('\n---\n'));
  return tlsCheck({ compiler, now: Date.now() / 1000 }, { pod: from, host: `${host}:${port}` });
}

/** `OK HTTP HTTP`, and why not. */
const said = (asked: Asked): readonly string[] =>
  check(asked).rows.flatMap(({ status, server, client, why }) => [`${status} ${server} ${client}`, why]);

const plain = { port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] };
const tcp = { port: 81, name: 'tcp', protocol: 'TCP', hosts: ['*'] };
const toBehind = (kind: 'tcp' | 'tls'): string =>
  documents(
    'VirtualService',
    {
      hosts: ['web.example'],
      gateways: ['edge/gw'],
      [kind]: [
        {
          ...(kind === 'tls' ? { match: [{ sniHosts: ['web.example'] }] } : {}),
          route: [{ destination: { host: 'web.shop.svc.cluster.local', port: { number: 80 } } }],
        },
      ],
    },
    'edge',
  );
const files = { mode: 'MUTUAL', clientCertificate: '/c.pem', privateKey: '/k.pem', insecureSkipVerify: true };
const skip = { mode: 'SIMPLE', insecureSkipVerify: true };
const sni = 'web.example';
const own = { mode: 'MUTUAL', credentialName: 'own', sni };
const name = (port: number): string => `server https.${port}.s${port}.gw.edge`;

type Row = readonly [title: string, asked: Asked, verdict: string, why: string];

const rows: readonly Row[] = [
  ['plaintext to plaintext HTTP', { servers: [plain] }, 'OK HTTP HTTP', ''],
  [
    'TLS to plaintext HTTP',
    { servers: [plain], tls: skip },
    'CONFLICT HTTP TLS',
    'server http.80 takes plaintext only, and the client sends TLS',
  ],
  [
    'mesh mTLS to plaintext HTTP',
    { servers: [plain], tls: mesh },
    'CONFLICT HTTP mTLS',
    'server http.80 takes plaintext only, and the client sends TLS',
  ],
  [
    'plaintext to TLS',
    { servers: [https(80, simple)] },
    'CONFLICT TLS HTTP',
    'the gateway takes TLS only, and the client sends plaintext',
  ],
  ['SIMPLE to SIMPLE', { servers: [https(80, simple)], tls: { ...skip, sni } }, 'OK TLS TLS', ''],
  [
    'SIMPLE that sends the Host, for which no server is',
    { servers: [https(80, simple, ['a.example', 'b.example'])], tls: skip },
    'CONFLICT TLS TLS',
    `no server of the gateway is for ${host}: they are for a.example, b.example`,
  ],
  ['SIMPLE that sends the Host', { servers: [https(80, simple, [host])], tls: skip }, 'OK TLS TLS', ''],
  ['SIMPLE to servers for all names', { servers: [https(80, simple, ['*'])], tls: skip }, 'OK TLS TLS', ''],
  ['SIMPLE below a wildcard', { servers: [https(80, simple, ['*.example'])], tls: { ...skip, sni } }, 'OK TLS TLS', ''],
  [
    'SIMPLE, with authorities in a file of the client',
    { servers: [https(80, simple)], tls: { mode: 'SIMPLE', caCertificates: '/ca.pem', sni } },
    'UNKNOWN TLS TLS',
    'whether the client trusts the gateway, files of its own machine say: file-root:/ca.pem',
  ],
  [
    'SIMPLE that wants another name than the certificate has',
    {
      servers: [https(80, simple)],
      tls: { mode: 'SIMPLE', caCertificates: '/ca.pem', sni, subjectAltNames: ['other.example'] },
    },
    'CONFLICT TLS TLS',
    `the client wants the name other.example, and the certificate of the gateway has web.example, *.wide.example, ${host}`,
  ],
  [
    'SIMPLE that sends and wants the Host, which the certificate has not',
    {
      servers: [https(80, { ...simple, credentialName: 'own' }, ['*'])],
      tls: { mode: 'SIMPLE', caCertificates: '/ca.pem' },
    },
    'CONFLICT TLS TLS',
    `the client wants the name ${host}, and the certificate of the gateway has client`,
  ],
  [
    'SIMPLE to MUTUAL',
    { servers: [https(80, mutual)], tls: { ...skip, sni } },
    'CONFLICT custom mTLS TLS',
    `${name(80)} demands a client certificate, and the client shows none`,
  ],
  [
    'SIMPLE to OPTIONAL_MUTUAL',
    { servers: [https(80, optional)], tls: { ...skip, sni } },
    'OK TLS/custom mTLS TLS',
    '',
  ],
  [
    'MUTUAL by files to MUTUAL',
    { servers: [https(80, mutual)], tls: { ...files, sni } },
    'UNKNOWN custom mTLS custom mTLS',
    'whether the gateway trusts file-cert:/c.pem~/k.pem of the client is not known',
  ],
  [
    'mesh mTLS to MUTUAL',
    { servers: [https(80, mutual)], tls: { ...mesh, sni } },
    'CONFLICT custom mTLS mTLS',
    `the client wants the name spiffe://cluster.local/ns/edge/sa/gw, and the certificate of the gateway has web.example, *.wide.example, ${host}`,
  ],
  ['mesh mTLS to ISTIO_MUTUAL', { servers: [https(80, mesh)], tls: { ...mesh, sni } }, 'OK mTLS mTLS', ''],
  [
    'mesh mTLS with the name that the mesh sends',
    { servers: [https(80, mesh)], tls: mesh },
    'CONFLICT mTLS mTLS',
    `no server of the gateway is for outbound_.80_._.${host}: they are for web.example`,
  ],
  [
    'mesh mTLS that wants another identity',
    { servers: [https(80, mesh)], tls: { ...mesh, sni, subjectAltNames: ['spiffe://a/ns/b/sa/c'] } },
    'CONFLICT mTLS mTLS',
    'the client wants the name spiffe://a/ns/b/sa/c, and the certificate of the gateway has spiffe://cluster.local/ns/edge/sa/gw',
  ],
  [
    'mesh mTLS of whom the server takes others only',
    {
      servers: [https(80, { ...mesh, subjectAltNames: ['spiffe://cluster.local/ns/x/sa/y'] })],
      tls: { ...mesh, sni },
    },
    'CONFLICT mTLS mTLS',
    'the gateway wants the name spiffe://cluster.local/ns/x/sa/y, and the certificate of the client has spiffe://cluster.local/ns/shop/sa/caller',
  ],
  [
    'SIMPLE to ISTIO_MUTUAL',
    { servers: [https(80, mesh)], tls: { ...skip, sni } },
    'CONFLICT mTLS TLS',
    `${name(80)} demands a client certificate, and the client shows none`,
  ],
  [
    'MUTUAL to ISTIO_MUTUAL',
    { servers: [https(80, mesh)], tls: { ...files, sni } },
    'CONFLICT mTLS custom mTLS',
    'the gateway trusts the mesh alone, and the client shows a certificate of its own',
  ],
  [
    'a server whose Secret is missing',
    { servers: [https(80, { ...simple, credentialName: 'none' })], tls: { ...skip, sni } },
    'CONFLICT UNKNOWN TLS',
    `${name(80)} closes this connection: see the findings of its Gateway, and its routes`,
  ],
  [
    'servers that differ by name: the one that is asked for',
    { servers: [https(80, mutual, ['a.example']), { ...https(80, simple), name: 'other' }], tls: { ...skip, sni } },
    'OK TLS TLS',
    '',
  ],
  [
    'only old versions of TLS',
    {
      servers: [https(80, { ...simple, minProtocolVersion: 'TLSV1_0', maxProtocolVersion: 'TLSV1_1' })],
      tls: { ...skip, sni },
    },
    'CONFLICT TLS TLS',
    `${name(80)} and the client have no TLS version in common`,
  ],
  ['bytes to TCP', { servers: [tcp], port: 81, more: [toBehind('tcp')] }, 'OK HTTP HTTP', ''],
  [
    'bytes to TCP without routes',
    { servers: [tcp], port: 81 },
    'CONFLICT UNKNOWN HTTP',
    'server tcp.81.tcp.gw.edge closes this connection: see the findings of its Gateway, and its routes',
  ],
  [
    'bytes in TLS to HTTPS',
    { servers: [https(81, simple)], port: 81, tls: { ...skip, sni } },
    'CONFLICT TLS TLS',
    `${name(81)} reads HTTP, and the client sends other bytes`,
  ],
  [
    'bytes in TLS, which have no Host to send',
    { servers: [https(81, simple)], port: 81, tls: skip },
    'CONFLICT TLS TLS',
    'no server of the gateway is for no server name: they are for web.example',
  ],
  [
    'the TLS of an application to PASSTHROUGH',
    { servers: [https(83, { mode: 'PASSTHROUGH' }, undefined, 'TLS')], port: 83, more: [toBehind('tls')] },
    'UNKNOWN UNKNOWN HTTP',
    'it depends on the server name that is sent, which server of the gateway takes it',
  ],
  [
    'originated TLS to PASSTHROUGH',
    {
      servers: [https(83, { mode: 'PASSTHROUGH' }, undefined, 'TLS')],
      port: 83,
      tls: { ...skip, sni },
      more: [toBehind('tls')],
    },
    'UNKNOWN UNKNOWN TLS',
    'server tls.83.s83.gw.edge.0 passes TLS on: whoever is behind it has to end it',
  ],
  [
    'the TLS of an application to ISTIO_MUTUAL',
    { servers: [https(83, mesh, ['*'])], port: 83 },
    'CONFLICT mTLS HTTP',
    `${name(83)} takes mesh mTLS, and the application's TLS shows no certificate of the mesh`,
  ],
  [
    'the TLS of an application to SIMPLE',
    { servers: [https(83, simple, ['*'])], port: 83 },
    'UNKNOWN TLS HTTP',
    `the application's TLS ends at ${name(83)}: what it checks and shows is not known`,
  ],
  ['the page that says whether it is ready', { servers: [plain], port: 15021 }, 'OK HTTP HTTP', ''],
  [
    'TLS to that page',
    { servers: [plain], port: 15021, tls: skip },
    'CONFLICT HTTP TLS',
    'the server takes plaintext only',
  ],
  [
    'a port that no server has',
    { servers: [plain], port: 81 },
    'UNKNOWN UNKNOWN HTTP',
    'no server of a Gateway is on this port of the gateway',
  ],
  ['a client without a sidecar', { servers: [plain], from: 'naked.shop' }, 'OK HTTP HTTP', ''],
  [
    'the credential of a rule, at a sidecar',
    { servers: [https(80, mutual)], tls: own },
    'CONFLICT custom mTLS custom mTLS',
    'the client has no credential to speak TLS with: sidecars are given no Secret',
  ],
  [
    'the credential of a rule, at a gateway',
    { servers: [https(80, mutual)], tls: own, from: 'exit-0.edge' },
    'OK custom mTLS custom mTLS',
    '',
  ],
  [
    'a credential that is missing',
    { servers: [https(80, mutual)], tls: { ...own, credentialName: 'lost' }, from: 'exit-0.edge' },
    'CONFLICT custom mTLS custom mTLS',
    'the client has no credential to speak TLS with: there is no Secret edge/lost',
  ],
  [
    'a credential whose authorities did not sign what the server shows',
    {
      servers: [https(80, mutual)],
      tls: own,
      from: 'exit-0.edge',
      more: [secretYaml('own-cacert', { cacert: stranger.certificate })],
    },
    'CONFLICT custom mTLS custom mTLS',
    'the client does not trust the gateway: kubernetes://own-cacert did not sign kubernetes://web',
  ],
  [
    'a credential that the server does not trust',
    {
      servers: [https(80, mutual)],
      tls: { ...own, credentialName: 'foreign' },
      from: 'exit-0.edge',
      more: [secret('foreign', makeCertificate(stranger, 'client'))],
    },
    'CONFLICT custom mTLS custom mTLS',
    'the gateway does not trust the client: kubernetes://web-cacert did not sign kubernetes://foreign',
  ],
  [
    'a server that knows of revoked certificates',
    {
      servers: [https(80, { ...mutual, credentialName: 'revoking' })],
      tls: own,
      from: 'exit-0.edge',
      more: [secret('revoking', shown, { 'ca.crl': makeRevocationList(authority, []) })],
    },
    'UNKNOWN custom mTLS custom mTLS',
    'whether kubernetes://revoking-cacert revokes kubernetes://own is not looked for',
  ],
  [
    'mesh mTLS of a gateway',
    { servers: [https(80, mesh)], tls: { ...mesh, sni }, from: 'exit-0.edge' },
    'OK mTLS mTLS',
    '',
  ],
];

describe('a TLS check of a gateway', () => {
  for (const [title, asked, verdict, why] of rows)
    it(`sees ${title}: ${verdict.split(' ')[0]}`, () => {
      expect(said(asked)).to.deep.equal([verdict, why]);
    });

  it('wants the PROXY protocol where the mesh says that balancers speak it', () => {
    const parts = [...world, gatewayDocument('gw', [plain], { selector: { app: 'gw' } })].join('\n---\n');
    const gatewayTopology = {
      numTrustedProxies: 0,
      forwardClientCert: 'SANITIZE_SET',
      proxyProtocol: true,
    } as const;
    const ask = (more: string) =>
      tlsCheck(worldOf(`${parts}${more}`, { gatewayTopology }), { pod: 'caller.shop', host: `${host}:80` }).rows[0];
    expect(ask('')?.why).to.equal('the gateway wants the PROXY protocol first, and the client does not speak it');
    const rule = documents('DestinationRule', { host, trafficPolicy: { proxyProtocol: {} } }, 'shop');
    expect(ask(`\n---\n${rule}`)?.status).to.equal('OK');
  });

  it('knows when the time of a certificate is over, and who looks at that', () => {
    const day = 86_400_000;
    const asked = (tls: object, now: number): readonly string[] => {
      const rule = documents('DestinationRule', { host, trafficPolicy: { tls } }, 'edge');
      const gateway = gatewayDocument('gw', [https(80, mutual)], { selector: { app: 'gw' } });
      const { compiler } = worldOf([...world, gateway, rule].join('\n---\n'));
      return tlsCheck({ compiler, now: now / 1000 }, { pod: 'exit-0.edge', host: `${host}:80` }).rows.map(
        ({ status }) => status,
      );
    };
    const skipping = { ...own, insecureSkipVerify: true };
    expect(asked(own, Date.now())).to.deep.equal(['OK']);
    expect(asked(own, Date.now() + 10 * day)).to.deep.equal(['CONFLICT']);
    expect(asked(own, Date.now() - day)).to.deep.equal(['CONFLICT']);
    expect(asked(skipping, Date.now() + 10 * day), 'the gateway looks at the certificate of the client').to.deep.equal([
      'CONFLICT',
    ]);
  });

  it('looks at the listener of the address that is called before one for all', () => {
    const bound = { ...https(80, simple, ['*']), bind: '10.1.2.1' };
    expect(said({ servers: [bound], tls: skip })).to.deep.equal(['OK TLS TLS', '']);
  });
});
