import fc from 'fast-check';
import { decode } from '../../src/config/decode.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { type Any, httpRouteSpec, list, mostly, one, some } from './virtual-service-arbitrary.ts';

const document = (kind: string, namespace: Any, name: string, spec: Any): Any =>
  fc.record({
    apiVersion: fc.constant('networking.istio.io/v1'),
    kind: fc.constant(kind),
    metadata: fc.record({
      name: fc.constant(name),
      namespace,
      creationTimestamp: one('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
    }),
    spec,
  });

const namespace = one('edge', 'foo', 'bar');
/** Few, so that they meet; a service of the mesh among them. */
const hosts = ['*', '*.example', 'a.example', 'b.example', '*.a.example', 'c.a.example', 'web.foo.svc.cluster.local'];
const serverHost = mostly(
  one('*', '*.example', ...hosts),
  one('foo/a.example', './*.example', '*/b.example', 'bar/*', '~/x', 'A.Example'),
);
const routedHost = mostly(one('*.example', 'a.example', ...hosts.slice(1)), one('*', 'web', 'x.test'));

const credential = one('good', 'twin', 'broken', 'missing', 'foo/good', 'good-cacert');
const version = one('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');
const limits = {
  minProtocolVersion: version,
  maxProtocolVersion: version,
  cipherSuites: list(one('ECDHE-RSA-AES128-GCM-SHA256', 'AES256-SHA', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'nope')),
};
const clients = {
  subjectAltNames: list(one('spiffe://cluster.local/ns/a/sa/b', 'a.example', '')),
  verifyCertificateHash: list(one('a'.repeat(64), 'AA:'.repeat(31).concat('AA'), 'x')),
  verifyCertificateSpki: list(one('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'x')),
};
const rarely = (fields: Readonly<Record<string, Any>>): Any =>
  fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: some(fields) });
const join = (...parts: readonly Any[]): Any => fc.tuple(...parts).map((all) => Object.assign({}, ...all));

const terminated = fc.oneof(
  join(fc.record({ mode: one('SIMPLE'), credentialName: credential }), rarely(limits)),
  join(
    fc.record({ mode: one('MUTUAL', 'OPTIONAL_MUTUAL'), credentialName: credential }),
    rarely({ ...limits, ...clients }),
  ),
  join(
    fc.record({
      mode: one('SIMPLE', 'MUTUAL'),
      serverCertificate: one('/c.pem'),
      privateKey: one('/k.pem'),
      caCertificates: one('/ca.pem'),
    }),
    rarely(limits),
  ),
  join(fc.record({ mode: one('SIMPLE'), credentialNames: list(credential, 2) }), rarely(limits)),
  join(fc.record({ mode: one('ISTIO_MUTUAL') }), rarely({ ...limits, subjectAltNames: clients.subjectAltNames })),
);
const undecrypted = fc.record({ mode: one('PASSTHROUGH', 'AUTO_PASSTHROUGH') });

const redirecting = fc.oneof(fc.constant(undefined), fc.record({ httpsRedirect: fc.boolean() }));
const what = fc.oneof(
  { weight: 4, arbitrary: fc.record({ protocol: one('HTTP', 'HTTP2', 'GRPC'), tls: redirecting }) },
  { weight: 2, arbitrary: fc.record({ protocol: one('HTTPS'), tls: terminated }) },
  { weight: 2, arbitrary: fc.record({ protocol: one('HTTPS', 'TLS'), tls: undecrypted }) },
  { weight: 1, arbitrary: fc.record({ protocol: one('TLS'), tls: terminated }) },
  { weight: 2, arbitrary: fc.record({ protocol: one('TCP', 'MONGO'), tls: fc.constant(undefined) }) },
);

const server = fc
  .tuple(
    what,
    one(80, 80, 443, 443, 8443, 3306, 15_021),
    fc.uniqueArray(serverHost, { minLength: 1, maxLength: 3 }),
    mostly(fc.constant(undefined), one('127.0.0.1', '0.0.0.0', '::', 'unix:///tmp/edge')),
  )
  .map(([kind, port, own, bind]) => ({ kind, port, own, bind }));

function gateway(name: string): Any {
  const spec = fc.record({
    selector: mostly(fc.constant({ istio: 'ingressgateway' }), one({}, { istio: 'other' })),
    servers: fc.array(server, { minLength: 1, maxLength: 3 }).map((all) =>
      all.map(({ kind: { protocol, tls }, port, own, bind }, index) => {
        const number = typeof bind === 'string' && bind.startsWith('unix') ? 0 : port;
        return {
          port: { number, name: `p${index}`, protocol },
          hosts: own,
          ...(tls === undefined ? {} : { tls }),
          ...(bind === undefined ? {} : { bind }),
        };
      }),
    ),
  });
  return document('Gateway', mostly(fc.constant('edge'), namespace), name, spec);
}

const gatewayNames = ['edge/g0', 'edge/g0', 'edge/g1', 'edge/g2'];
const audience = rarely({
  port: one(80, 443, 3306),
  gateways: list(one(...gatewayNames, 'mesh'), 2),
  sourceLabels: one({ app: 'client' }, { istio: 'ingressgateway' }),
});
const destination = fc.record(
  {
    host: one('web.foo.svc.cluster.local', 'web', 'out.example', 'nowhere'),
    subset: one('v1', 'none'),
    port: fc.record({ number: one(80, 443, 9) }),
  },
  { requiredKeys: ['host'] },
);
const route = list(fc.record({ destination, weight: one(0, 1, 7) }), 2);
const subnets = { destinationSubnets: list(one('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', 'fd00::/8')) };
const tlsRoute = fc.record({
  match: list(
    join(
      fc.record({ sniHosts: list(one('a.example', '*.example', 'c.a.example', '*.a.example')) }),
      audience,
      rarely(subnets),
    ),
    2,
  ),
  route,
});
const tcpRoute = fc.oneof(
  fc.record({ route }),
  fc.record({
    match: list(
      join(audience, rarely({ ...subnets, sourceSubnet: one('10.0.0.0/8', '192.168.1.1', '::/0') })),
      2,
    ).filter((all) => Array.isArray(all) && all.every((each) => Object.keys(Object(each)).length > 0)),
    route,
  }),
);
/** For everything, or for something simple that routes of others can stand before or behind. */
const plainRoute = fc.record(
  {
    match: list(
      join(fc.record({ uri: one({ prefix: '/' }, { prefix: '/a' }, { exact: '/a/b' }, { regex: '.*' }) }), audience),
      2,
    ),
    route,
  },
  { requiredKeys: ['route'] },
);
const delegating = fc.record({
  match: list(fc.record({ uri: one({ prefix: '/a' }, { exact: '/a/b' }) }), 1),
  delegate: fc.record({ name: one('d0', 'v0', 'nowhere'), namespace: one('foo', 'edge') }),
});
const httpRoutes = list(
  fc.oneof(
    { weight: 4, arbitrary: plainRoute },
    { weight: 2, arbitrary: httpRouteSpec },
    { weight: 1, arbitrary: delegating },
  ),
);
const exportTo = mostly(fc.constant(undefined), one(['.'], ['edge'], ['*'], ['~'], ['foo', 'bar']));

function virtualService(name: string): Any {
  const spec = join(
    fc.record({
      hosts: fc.uniqueArray(routedHost, { minLength: 1, maxLength: 3 }),
      gateways: fc.oneof(
        { weight: 5, arbitrary: list(one(...gatewayNames), 2) },
        { weight: 2, arbitrary: one(['mesh'], ['mesh', 'edge/g0'], undefined) },
        { weight: 1, arbitrary: fc.constant(['edge/nowhere']) },
      ),
      exportTo,
    }),
    fc.oneof(
      fc.record({ http: httpRoutes }),
      fc.record({ tls: list(tlsRoute, 2), hosts: one(['*.example'], ['*.a.example', 'a.example', '*.example']) }),
      fc.record({ tcp: list(tcpRoute, 2) }),
      fc.record({ http: httpRoutes, tls: list(tlsRoute, 2), tcp: list(tcpRoute, 2), hosts: one(['*.example', 'web']) }),
    ),
  );
  return document('VirtualService', namespace, name, spec);
}

const delegate = document(
  'VirtualService',
  one('foo', 'edge'),
  'd0',
  join(fc.record({ http: list(plainRoute, 2) }), fc.record({ exportTo })),
);

const surroundings: fc.Arbitrary<readonly unknown[]> = fc.constant([
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'foo' },
    spec: {
      clusterIP: '10.96.0.1',
      selector: { app: 'web' },
      ports: [
        { name: 'http', port: 80 },
        { name: 'tls', port: 443 },
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'out', namespace: 'foo' },
    spec: { hosts: ['out.example'], ports: [{ name: 'tls', number: 443, protocol: 'TLS' }], resolution: 'DNS' },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'web', namespace: 'foo' },
    spec: { host: 'web', subsets: [{ name: 'v1', labels: { version: 'v1' } }] },
  },
]);

/** What a Secret may hold: `good` and `other` are whole, the rest is what people put there by mistake. */
export interface SecretContents {
  readonly good: Readonly<Record<string, string>>;
  readonly other: Readonly<Record<string, string>>;
}

function secrets({ good, other }: SecretContents): fc.Arbitrary<readonly unknown[]> {
  const crossed = { 'tls.crt': good['tls.crt'], 'tls.key': other['tls.key'] };
  const halves = [crossed, { 'tls.crt': good['tls.crt'] }, { 'ca.crt': 'x' }, {}, { 'tls.crt': 'x', 'tls.key': 'y' }];
  const content = mostly(one(good, other), one(...halves));
  const secret = (name: string): Any =>
    fc.record({
      apiVersion: fc.constant('v1'),
      kind: fc.constant('Secret'),
      metadata: fc.record({ name: fc.constant(name), namespace: mostly(fc.constant('edge'), namespace) }),
      stringData: name === 'broken' ? one(...halves) : content,
    });
  return fc
    .subarray(['good', 'twin', 'twin-cacert', 'broken', 'good-cacert'], { minLength: 2 })
    .chain((names) => fc.tuple(...names.map(secret)));
}

/** Documents of an edge whose objects keep meeting: few names, hosts and ports. Some have a mistake. */
export const edgeDocuments = (contents: SecretContents): fc.Arbitrary<readonly unknown[]> =>
  fc
    .tuple(
      fc.subarray([gateway('g1'), gateway('g2')]).chain((all) => fc.tuple(gateway('g0'), ...all)),
      fc
        .subarray(
          [0, 1, 2, 3, 4].map((each) => virtualService(`v${each}`)),
          { minLength: 2 },
        )
        .chain((all) => fc.tuple(...all)),
      fc.option(delegate, { nil: undefined }),
      surroundings,
      secrets(contents),
    )
    .map(([gateways, services, more, around, own]) => [
      ...gateways,
      ...services,
      ...(more === undefined ? [] : [more]),
      ...around,
      ...own,
    ]);

/** What can be read of documents. */
export function readDocuments(documents: readonly unknown[]): readonly MeshObject[] {
  return documents.flatMap(
    (each, index) => decode(each, { origin: { kind: 'file', path: 'edge.yaml', line: index + 1 } }).objects,
  );
}
