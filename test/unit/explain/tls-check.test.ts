import { expect } from 'chai';
import { type TlsCheck, tlsCheck } from '../../../src/explain/tls-check.ts';
import type { Mesh } from '../../../src/model/mesh.ts';
import { podText, worldOf } from '../../support/explain-world.ts';

/** A server with a port of each kind, one without a sidecar, and a headless one. */
const servers = `apiVersion: v1
kind: Service
metadata: {name: db, namespace: back}
spec:
  selector: {app: db}
  clusterIP: 10.0.0.20
  ports:
    - {name: http, port: 80, targetPort: 8080}
    - {name: tcp, port: 81}
    - {name: odd, port: 82}
    - {name: tls, port: 83}
---
apiVersion: v1
kind: Service
metadata: {name: bare, namespace: back}
spec:
  selector: {app: bare}
  clusterIP: 10.0.0.21
  ports: [{name: http, port: 80}, {name: tcp, port: 81}, {name: odd, port: 82}, {name: tls, port: 83}]
---
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: back}
spec: {selector: {app: db}, clusterIP: None, ports: [{name: http, port: 80}]}
---
${podText('db-0', 'back', '10.1.1.1', 'db')}
---
${podText('bare-0', 'back', '10.1.1.2', 'bare', '')}
`;

function policy(mode: string, more = ''): string {
  return `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ${more === '' ? 'default' : 'own'}, namespace: back}
spec: {${more} mtls: {mode: ${mode}}}
`;
}

function rule(host: string, tls: string): string {
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: rule, namespace: shop}
spec: {host: ${host}, trafficPolicy: {tls: {${tls}}}}
`;
}

function check(policies: string, host: string, mesh: Partial<Mesh> = {}, pod = 'caller.shop'): TlsCheck {
  return tlsCheck(worldOf(`${servers}${policies}`, mesh), { pod, host });
}

type Mode = 'STRICT' | 'PERMISSIVE' | 'DISABLE' | 'DISABLE for the workload' | 'no sidecar';
type Rule = 'no rule' | 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';

/** The policies of a mode, and what the table calls the one that decides. */
const modes: Readonly<Record<Mode, readonly [policies: string, name: string]>> = {
  STRICT: [policy('STRICT'), 'default/back'],
  PERMISSIVE: [policy('PERMISSIVE'), 'default/back'],
  DISABLE: [policy('DISABLE'), 'default/back'],
  'DISABLE for the workload': [policy('DISABLE', 'selector: {matchLabels: {app: db}},'), 'own/back'],
  'no sidecar': ['', '-'],
};
const rules: Readonly<Record<Rule, string>> = {
  'no rule': '',
  DISABLE: 'mode: DISABLE',
  SIMPLE: 'mode: SIMPLE, insecureSkipVerify: true',
  MUTUAL: 'mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem, insecureSkipVerify: true',
  ISTIO_MUTUAL: 'mode: ISTIO_MUTUAL',
};

const ok = 'OK';
const no = 'CONFLICT';
const app = 'UNKNOWN';
type Statuses = readonly [http: string, tcp: string, undeclared: string, tls: string];
const fine: Statuses = [ok, ok, ok, ok];
const never: Statuses = [no, no, no, no];
/** TLS that nobody ends before the application; a sidecar that reads HTTP refuses it. */
const toApp: Statuses = [no, app, app, app];
const toBare: Statuses = [app, app, app, app];
type Row = readonly [statuses: Statuses, server: string, client: string];

/** What the matrix of client TLS (test/e2e/matrices) sees on real Envoys, in the words of the table. */
const table: Readonly<Record<Rule, Readonly<Record<Mode, Row>>>> = {
  'no rule': {
    STRICT: [fine, 'mTLS', 'mTLS'],
    PERMISSIVE: [fine, 'HTTP/mTLS', 'mTLS'],
    DISABLE: [fine, 'HTTP', 'HTTP'],
    'DISABLE for the workload': [fine, 'HTTP', 'HTTP'],
    'no sidecar': [fine, 'HTTP', 'HTTP'],
  },
  DISABLE: {
    STRICT: [never, 'mTLS', 'HTTP'],
    PERMISSIVE: [fine, 'HTTP/mTLS', 'HTTP'],
    DISABLE: [fine, 'HTTP', 'HTTP'],
    'DISABLE for the workload': [fine, 'HTTP', 'HTTP'],
    'no sidecar': [fine, 'HTTP', 'HTTP'],
  },
  SIMPLE: {
    STRICT: [never, 'mTLS', 'TLS'],
    PERMISSIVE: [toApp, 'HTTP/mTLS', 'TLS'],
    DISABLE: [toApp, 'HTTP', 'TLS'],
    'DISABLE for the workload': [toApp, 'HTTP', 'TLS'],
    'no sidecar': [toBare, 'HTTP', 'TLS'],
  },
  MUTUAL: {
    STRICT: [never, 'mTLS', 'custom mTLS'],
    PERMISSIVE: [toApp, 'HTTP/mTLS', 'custom mTLS'],
    DISABLE: [toApp, 'HTTP', 'custom mTLS'],
    'DISABLE for the workload': [toApp, 'HTTP', 'custom mTLS'],
    'no sidecar': [toBare, 'HTTP', 'custom mTLS'],
  },
  ISTIO_MUTUAL: {
    STRICT: [fine, 'mTLS', 'mTLS'],
    PERMISSIVE: [fine, 'HTTP/mTLS', 'mTLS'],
    DISABLE: [never, 'HTTP', 'mTLS'],
    'DISABLE for the workload': [never, 'HTTP', 'mTLS'],
    'no sidecar': [never, 'HTTP', 'mTLS'],
  },
};

/** Status, server, client, policy and rule of each row. */
const words = ({ rows }: TlsCheck): readonly string[] =>
  rows.map(({ host, port, subset, status, server, client, authnPolicy, destinationRule }) =>
    [`${host.split('.')[0]}:${port}${subset}`, status, server, client, authnPolicy, destinationRule].join(' '),
  );

describe('a TLS check', () => {
  const ruleNames = ['no rule', 'DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'] as const;
  const modeNames = ['STRICT', 'PERMISSIVE', 'DISABLE', 'DISABLE for the workload', 'no sidecar'] as const;
  for (const asked of ruleNames) {
    for (const mode of modeNames) {
      const [statuses, server, client] = table[asked][mode];
      it(`sees a client with ${asked} and a server with ${mode}: ${statuses.join(', ')}`, () => {
        const name = mode === 'no sidecar' ? 'bare' : 'db';
        const tls = rules[asked];
        const [policies, authn] = modes[mode];
        const found = check(
          `${policies}${tls === '' ? '' : rule(`${name}.back.svc.cluster.local`, tls)}`,
          `${name}.back`,
        );
        expect(words(found)).to.deep.equal(
          statuses.map((status, index) =>
            [`${name}:${80 + index}`, status, server, client, authn, tls === '' ? '-' : 'rule/shop'].join(' '),
          ),
        );
        expect(found.rows.every(({ why, status }) => (status === 'OK') === (why === ''))).to.equal(true);
      });
    }
  }

  it('says the whole of a row', () => {
    expect(check(`${policy('STRICT')}${rule('db.back.svc.cluster.local', rules.DISABLE)}`, 'db.back:80')).to.deep.equal(
      {
        client: 'caller-77b9c-abcde.shop',
        rows: [
          {
            host: 'db.back.svc.cluster.local',
            port: 80,
            subset: '',
            status: 'CONFLICT',
            server: 'mTLS',
            client: 'HTTP',
            authnPolicy: 'default/back',
            destinationRule: 'rule/shop',
            why: 'the server takes mTLS only, and the client sends plaintext',
            servers: ['db-0.back:8080'],
          },
        ],
        notes: [],
      },
    );
  });

  it('follows the mesh where neither side says anything, and the policy of the mesh by its name', () => {
    expect(words(check('', 'db.back:80'))).to.deep.equal(['db:80 OK HTTP/mTLS mTLS - -']);
    expect(words(check('', 'db.back:80', { enableAutoMtls: false }))).to.deep.equal(['db:80 OK HTTP/mTLS HTTP - -']);
    const mesh = policy('STRICT').replace('namespace: back', 'namespace: istio-system');
    expect(words(check(mesh, 'db.back:80', { enableAutoMtls: false }))).to.deep.equal([
      'db:80 CONFLICT mTLS HTTP default/istio-system -',
    ]);
  });

  it('has a row for each subset, and for each kind of server', () => {
    const second = `---\n${podText('db-1', 'back', '10.1.1.3', 'db', '').replace('app: db', 'app: db, version: v2')}\n`;
    const subsets = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: parts, namespace: back}
spec:
  host: db
  subsets:
    - {name: v2, labels: {version: v2}, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
    - {name: none, labels: {version: v3}}
`;
    const found = check(`${second}${policy('STRICT')}${subsets}`, 'db.back:80');
    expect(words(found)).to.deep.equal([
      'db:80 OK mTLS mTLS default/back parts/back',
      'db:80 OK HTTP HTTP - parts/back',
      'db:80none UNKNOWN UNKNOWN HTTP/mTLS - parts/back',
      'db:80v2 CONFLICT HTTP mTLS - parts/back',
    ]);
    expect(found.rows.map(({ servers, why }) => [servers, why])).to.deep.equal([
      [['db-0.back:8080'], ''],
      [['db-1.back:8080'], ''],
      [[], 'it has nobody behind it that is ready'],
      [['db-1.back:8080'], 'it has no sidecar, so that nothing ends mesh mTLS before the application'],
    ]);
  });

  it('knows the pods of a headless service, which clients are not told of', () => {
    expect(words(check(policy('STRICT'), 'pods.back'))).to.deep.equal(['pods:80 OK mTLS mTLS default/back -']);
    const off = rule('pods.back.svc.cluster.local', rules.DISABLE);
    expect(words(check(`${policy('STRICT')}${off}`, 'pods.back'))).to.deep.equal([
      'pods:80 CONFLICT mTLS HTTP default/back rule/shop',
    ]);
  });

  it('sees that a client wants another name than the server has', () => {
    const other = rule('db.back.svc.cluster.local', 'mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://a/ns/b/sa/c"]');
    const [row] = check(other, 'db.back:80').rows;
    expect([row?.status, row?.why]).to.deep.equal([
      'CONFLICT',
      "the client doesn't take the server's identity, spiffe://cluster.local/ns/back/sa/db (secure naming)",
    ]);
  });

  it('sees that nobody expects a PROXY protocol header', () => {
    const announced = rule('db.back.svc.cluster.local', 'mode: DISABLE').replace('{tls:', '{proxyProtocol: {}, tls:');
    expect(words(check(announced, 'db.back')).map((each) => each.split(' ').slice(0, 2))).to.deep.equal([
      ['db:80', 'CONFLICT'],
      ['db:81', 'UNKNOWN'],
      ['db:82', 'UNKNOWN'],
      ['db:83', 'UNKNOWN'],
    ]);
  });

  it('can not know what is outside of the mesh', () => {
    const entry = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: http, protocol: HTTP}]
  resolution: DNS
`;
    expect(words(check(entry, 'api.example.com'))).to.deep.equal(['api:443 UNKNOWN UNKNOWN HTTP - -']);
    const tls = rule('api.example.com', 'mode: SIMPLE');
    expect(words(check(`${entry}${tls}`, 'api.example.com:443'))).to.deep.equal([
      'api:443 UNKNOWN UNKNOWN TLS - rule/shop',
    ]);
  });

  it('compares what a client without a sidecar sends', () => {
    const { rows, notes } = check(policy('STRICT'), 'db.back:80', {}, 'naked.shop');
    expect([rows[0]?.status, rows[0]?.client, notes]).to.deep.equal([
      'CONFLICT',
      'HTTP',
      ['naked-77b9c-abcde.shop has no sidecar: what its application sends goes as it is'],
    ]);
  });

  it('takes a pod that a Gateway chooses for a router: as client by its clusters, as server by its listeners', () => {
    const edge = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {app: naked}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec: {selector: {app: naked}, clusterIP: 10.0.0.30, ports: [{name: http, port: 80}]}
`;
    const mutual = rule('db.back.svc.cluster.local', rules.ISTIO_MUTUAL);
    const found = check(`${edge}${policy('STRICT')}${mutual}`, 'db.back:80', {}, 'naked.shop');
    expect([words(found), found.notes]).to.deep.equal([['db:80 OK mTLS mTLS default/back rule/shop'], []]);
    expect(words(check(edge, 'edge'))).to.deep.equal(['edge:80 OK HTTP HTTP - -']);
  });

  it('says who is not connected', () => {
    const { compiler } = worldOf(servers);
    expect(
      tlsCheck({ compiler, connected: () => undefined }, { pod: 'caller.shop', host: 'db.back:80' }).notes,
    ).to.deep.equal(['caller-77b9c-abcde.shop is not connected: this is what its Envoy would be sent']);
  });

  it('sorts all that a client knows by host and port', () => {
    expect(words(check('', '')).map((each) => each.split(' ')[0])).to.deep.equal([
      ...['bare:80', 'bare:81', 'bare:82', 'bare:83', 'db:80', 'db:81', 'db:82', 'db:83'],
      ...['pods:80', 'web:80', 'web:5432', 'web:9000'],
    ]);
  });

  it('finds a host by the names that its client may use, and by that of an ExternalName', () => {
    const names = ['web', 'web.shop', 'web.shop.svc', 'WEB.shop.svc.cluster.local', 'web:80', 'other.back'];
    const alias = `---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: back}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
`;
    for (const name of names) expect(words(check(alias, name))[0], name).to.equal('web:80 OK HTTP/mTLS mTLS - -');
  });

  const hidden = `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop}
spec: {egress: [{hosts: ["./*"]}]}
`;
  const refusals = [
    ['no pod', 'nobody.shop', 'db.back', '', 'nobody is called nobody.shop'],
    ['no name of a pod', 'outside', 'db.back', '', '"outside" names no pod'],
    ['no host', 'caller.shop', 'dbx.back', '', 'the mesh has no host dbx.back'],
    ['no port', 'caller.shop', 'db.back:99', '', 'db.back.svc.cluster.local has no port 99'],
    [
      'out of scope',
      'caller.shop',
      'db.back',
      hidden,
      'caller-77b9c-abcde.shop is not told of db.back.svc.cluster.local',
    ],
  ] as const;
  for (const [title, pod, host, policies, message] of refusals) {
    it(`refuses a question: ${title}`, () => {
      expect(() => check(policies, host, {}, pod)).to.throw(message);
    });
  }
});
