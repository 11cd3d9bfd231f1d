import fc from 'fast-check';
import type { AuthorizationAction } from '../../src/model/authorization-policy.ts';
import type { ExportTo } from '../../src/model/export-to.ts';
import type { ExtensionProvider } from '../../src/model/extension-provider.ts';
import { directTopology } from '../../src/model/gateway-topology.ts';
import { trustDomain } from '../../src/model/ids.ts';
import type { KeySet } from '../../src/model/key-set.ts';
import type { Mesh } from '../../src/model/mesh.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { MtlsSetting } from '../../src/model/peer-authentication.ts';
import { gatewayNameLabel as gatewayLabel } from '../../src/model/policy-scope.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { KeySource } from '../../src/model/request-authentication.ts';
import type { Protocol } from '../../src/model/service.ts';
import type { ClientTlsSettings } from '../../src/model/traffic-policy.ts';
import {
  authorizationPolicy,
  destinationRule,
  grpcAuthorizer,
  httpAuthorizer,
  jwtRule,
  meta,
  noPolicy,
  peerAuthentication,
  pod,
  requestAuthentication,
  type ShortRule,
  service,
  sidecar,
} from './objects.ts';

import { anyEdge } from './universe-edge.ts';
import { anyExport, anyNetworking } from './universe-networking.ts';

/**
 * A world so small that its objects keep meeting: few names, labels, addresses and ports, so that services share ports,
 * workloads share addresses, names stand for a pod and a workload entry, and policies of all scopes overlap.
 */
const namespaces = ['istio-system', 'foo', 'bar'] as const;

const namespace = fc.constantFrom(...namespaces);
const createdAt = fc.constantFrom(0, 1);
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');
const selectorLabels = fc.constantFrom({}, { app: 'x' }, { app: 'y' }, { v: '1' }, { app: 'x', v: '1' });

const workload = (kind: 'Pod' | 'WorkloadEntry', names: readonly string[]) =>
  fc
    .record({
      namespace,
      name: fc.constantFrom(...names),
      addresses: fc.oneof(
        { weight: 6, arbitrary: address.map((each) => [each]) },
        { weight: 1, arbitrary: fc.constant([]) },
      ),
      labels: fc.record(
        {
          app: fc.constantFrom('x', 'y'),
          v: fc.constantFrom('1', '2'),
          noise: fc.constantFrom('1', '2'),
          [gatewayLabel]: fc.constantFrom('edge', 'other'),
          istio: fc.constant('in'),
          tier: fc.constantFrom('1', '2'),
        },
        { requiredKeys: ['app'] },
      ),
      serviceAccount: fc.constantFrom('s1', 's2', ...(kind === 'Pod' ? [] : [''])),
      namedPorts: fc.constantFrom<Readonly<Record<string, number>>>({}, { http: 8080 }, { http: 9090 }),
      tlsMode: fc.constantFrom('istio', 'istio', 'disabled'),
      ready: fc.constantFrom(true, true, false),
    })
    .map(({ namespace, name, ...more }): MeshObject => pod(namespace, name, '', { kind, ...more }));

type PortShape = readonly [port: number, targetPort: number | string, protocol: Protocol];
const portShapes: readonly PortShape[] = [
  [80, 8080, 'http'],
  [80, 'http', 'http'],
  [80, 8080, 'tcp'],
  [81, 'http', 'grpc'],
  [90, 9090, 'http2'],
  [7000, 7000, 'auto'],
  [9000, 9000, 'tcp'],
  [9000, 8080, 'tls'],
];

const services = fc
  .record({
    namespace,
    name: fc.constantFrom('s', 't', 'u'),
    createdAt,
    selector: fc.oneof({ weight: 3, arbitrary: selectorLabels }, { weight: 1, arbitrary: fc.constant(undefined) }),
    addresses: fc.subarray(['10.96.0.1', '10.96.0.2', '10.96.0.3'], { maxLength: 2 }),
    headless: fc.constantFrom(false, false, false, true),
    ports: fc.subarray([...portShapes], { minLength: 1, maxLength: 3 }),
    externalName: fc.constantFrom(undefined, undefined, undefined, undefined, 's.foo.svc.cluster.local'),
    exportTo: fc.oneof({ weight: 5, arbitrary: fc.constant<ExportTo>('all') }, { weight: 1, arbitrary: anyExport }),
  })
  .map(
    ({ namespace, name, createdAt, selector, addresses, headless, ports, externalName, exportTo }): MeshObject => ({
      kind: 'Service',
      meta: meta(namespace, name, { createdAt }),
      selector,
      headless,
      externalName,
      exportTo,
      addresses: headless ? [] : addresses,
      ports: ports.map(([port, targetPort, protocol]) => ({ name: `p${port}`, port, targetPort, protocol })),
    }),
  );

const endpointSlice = fc
  .record({
    namespace,
    name: fc.constantFrom('s-1', 's-2', 't-1'),
    service: fc.constantFrom('s', 't'),
    ports: fc.subarray([80, 7000, 9000], { minLength: 1 }),
    endpoints: fc.array(
      fc.record({ address, ready: fc.constantFrom(true, true, false), pod: fc.constantFrom('', 'a', 'b', 'c') }),
      { maxLength: 2 },
    ),
  })
  .map(
    ({ namespace, name, service, ports, endpoints }): MeshObject => ({
      kind: 'EndpointSlice',
      meta: meta(namespace, name),
      service,
      ports: ports.map((port) => ({ name: `p${port}`, port: port === 80 ? 8080 : port })),
      endpoints: endpoints.map(({ address, ...more }) => ({ addresses: [address], ...more })),
    }),
  );

const setting = fc.constantFrom<MtlsSetting>('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');

const peerAuthentications = fc
  .record({
    namespace,
    name: fc.constantFrom('p', 'q'),
    createdAt,
    labels: selectorLabels,
    mtls: setting,
    ports: fc.uniqueArray(fc.tuple(fc.constantFrom(7000, 8080, 9999), setting), {
      selector: ([port]) => port,
      maxLength: 2,
    }),
  })
  .map(({ namespace, name, mtls, labels, ports, createdAt }): MeshObject => {
    const sorted = [...ports].sort(([a], [b]) => a - b);
    return peerAuthentication(namespace, name, mtls, {
      labels,
      createdAt,
      ...(Object.keys(labels).length > 0 ? { ports: sorted } : {}),
    });
  });

const rules: readonly ShortRule[] = [
  {},
  { to: { paths: ['/a'] } },
  { to: { paths: ['/b'], ports: [8080] } },
  { from: { principals: ['cluster.local/ns/foo/sa/s1'] } },
  { from: { namespaces: ['bar'] }, to: { methods: ['GET'] } },
];

const targets = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.constant([{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }]) },
);

const authorizationPolicies = fc
  .record({
    namespace,
    name: fc.constantFrom('p', 'q', 'r'),
    action: fc.constantFrom<AuthorizationAction>('ALLOW', 'DENY', 'AUDIT', 'CUSTOM', 'CUSTOM'),
    provider: fc.constantFrom('h', 'g', 'h-2', 'outside', 'nobody'),
    dryRun: fc.constantFrom(false, false, true),
    labels: selectorLabels,
    targets,
    rules: fc.subarray([...rules], { maxLength: 2 }),
  })
  .map(({ namespace, name, action, provider, dryRun, rules, labels, targets }): MeshObject => {
    const policy = authorizationPolicy(namespace, name, 'DENY', rules, targets.length > 0 ? {} : labels);
    const custom = action === 'CUSTOM';
    return { ...policy, action, targets, provider: custom ? provider : '', dryRun: dryRun && !custom };
  });

/** Who asks an authorizer, and the services behind which these are: what seldom meets by chance. */
export const anyCustom: fc.Arbitrary<MeshObject> = fc.oneof(
  fc.record({ namespace, provider: fc.constantFrom('h', 'g', 'h-2', 'outside'), labels: selectorLabels }).map(
    ({ namespace, provider, labels }): MeshObject => ({
      ...authorizationPolicy(namespace, 'p', 'DENY', [{ to: { paths: ['/a'] } }], labels),
      action: 'CUSTOM',
      provider,
    }),
  ),
  fc
    .record({
      at: fc.constantFrom(['foo', 's'] as const, ['bar', 's'] as const, ['bar', 't'] as const),
      ports: fc.subarray<PortShape>([
        [80, 8080, 'http'],
        [81, 8081, 'grpc'],
        [9000, 9000, 'tcp'],
      ]),
    })
    .map(({ at: [namespace, name], ports }): MeshObject => service(namespace, name, ports, { selector: undefined })),
);

const keySources = fc.constantFrom<KeySource>(
  { kind: 'remote', uri: 'https://a/keys' },
  { kind: 'discovered', issuer: 'https://b' },
  { kind: 'inline', jwks: '{"keys":[]}' },
  { kind: 'none' },
);
const jwtRules = fc
  .record({
    issuer: fc.constantFrom('https://a', 'https://b'),
    keys: keySources,
    header: fc.constantFrom('', 'x-a', 'x-b'),
  })
  .map(({ issuer, keys, header }) => jwtRule(issuer, keys, { outputPayloadToHeader: header }));

const requestAuthentications = fc
  .record({
    namespace,
    name: fc.constantFrom('p', 'q'),
    labels: selectorLabels,
    targets,
    rules: fc.array(jwtRules, { maxLength: 2 }),
  })
  .map(({ namespace, name, labels, targets, rules }): MeshObject => {
    return { ...requestAuthentication(namespace, name, rules, targets.length > 0 ? {} : labels), targets };
  });

/** Keys as they may have been fetched: of one issuer or another, old ones or new ones. */
export const anyKeySets: fc.Arbitrary<ReadonlyMap<string, KeySet>> = fc
  .record(
    { 'https://a/keys': fc.constantFrom('1', '2'), 'openid https://b': fc.constantFrom('1', '2') },
    { requiredKeys: [] },
  )
  .map((sets) => new Map(Object.entries(sets).map(([id, jwks]) => [id, { id, jwks }])));

const tlsSettings = fc.constantFrom<ClientTlsSettings | undefined>(
  undefined,
  { mode: 'DISABLE' },
  { mode: 'ISTIO_MUTUAL', sni: '', subjectAltNames: [] },
  {
    mode: 'SIMPLE',
    certificate: undefined,
    authorities: { kind: 'file', path: '/certs/ca.pem' },
    revoked: '',
    subjectAltNames: [],
    sni: '',
  },
  {
    mode: 'MUTUAL',
    certificate: { kind: 'credential', name: 'c' },
    authorities: { kind: 'credential', name: 'c' },
    revoked: '',
    subjectAltNames: [],
    sni: '',
  },
);

const destinationRules = fc
  .record({
    namespace,
    name: fc.constantFrom('d', 'e'),
    createdAt,
    host: fc.constantFrom('s', 's.foo.svc.cluster.local', '*.foo.svc.cluster.local', '*.local', 'elsewhere.example'),
    tls: tlsSettings,
    portTls: fc.option(tlsSettings, { nil: undefined }),
    tunnel: fc.constantFrom(undefined, undefined, { target: 'end.test:443' }),
    subset: fc.constantFrom(undefined, { v: '1' }, { v: '2' }),
    exportTo: anyExport,
    selector: fc.constantFrom(undefined, undefined, { app: 'x' }, { v: '2' }),
  })
  .map(({ namespace, name, createdAt, host, tls, portTls, tunnel, subset, exportTo, selector }): MeshObject => {
    const ports = portTls === undefined ? [] : [[80, { ...noPolicy, tls: portTls }] as const];
    return {
      ...destinationRule(namespace, name, host, { ...noPolicy, tls, tunnel, ports: new Map(ports) }),
      meta: meta(namespace, name, { createdAt }),
      subsets: subset === undefined ? [] : [{ name: 'part', labels: subset, trafficPolicy: undefined }],
      exportTo,
      workloadSelector: selector && { matchLabels: selector },
    };
  });

/** Any object of the small world. */
export const anyObject: fc.Arbitrary<MeshObject> = fc.oneof(
  { weight: 4, arbitrary: workload('Pod', ['a', 'b']) },
  { weight: 2, arbitrary: workload('WorkloadEntry', ['a', 'c']) },
  { weight: 5, arbitrary: services },
  { weight: 3, arbitrary: endpointSlice },
  { weight: 3, arbitrary: peerAuthentications },
  { weight: 4, arbitrary: authorizationPolicies },
  { weight: 3, arbitrary: requestAuthentications },
  { weight: 4, arbitrary: destinationRules },
  { weight: 6, arbitrary: anyNetworking },
  { weight: 8, arbitrary: anyEdge },
);

/** Authorizers behind services that come and go, over ports that they sometimes have. */
const providers: ExtensionProvider[] = [
  httpAuthorizer('h', 's.foo.svc.cluster.local'),
  httpAuthorizer('h-2', 't.bar.svc.cluster.local', { port: 9000 }),
  grpcAuthorizer('g', 's.bar.svc.cluster.local', { port: 81 }),
  httpAuthorizer('outside', 'a.example'),
];

/** Mesh settings of the beginning: with authorizers, so that policies have somebody to ask. */
export const firstMesh: Mesh = { ...defaultMesh, extensionProviders: providers };

/** Mesh settings that change what is compiled. */
export const anyMesh: fc.Arbitrary<Mesh> = fc.record({
  trustDomain: fc.constantFrom(trustDomain('cluster.local'), trustDomain('td.example')),
  trustDomainAliases: fc.constantFrom([], [trustDomain('old.example')]),
  rootNamespace: fc.constantFrom('istio-system', 'foo'),
  dnsDomain: fc.constant(defaultMesh.dnsDomain),
  discoverySelectors: fc.constant([]),
  pathNormalization: fc.constantFrom('NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'),
  extensionProviders: fc.subarray(providers),
  accessLog: fc.constantFrom('', '/dev/stdout').map((file) => ({ file, encoding: 'TEXT', format: '' })),
  explainDenials: fc.boolean(),
  gatewayTopology: fc.constantFrom(directTopology, { ...directTopology, proxyProtocol: true, numTrustedProxies: 1 }),
  enableAutoMtls: fc.boolean(),
  mtlsWithoutPolicy: fc.constantFrom<Mesh['mtlsWithoutPolicy']>('PERMISSIVE', 'PERMISSIVE', 'DISABLE'),
  outboundTrafficPolicy: fc.constantFrom<Mesh['outboundTrafficPolicy']>('ALLOW_ANY', 'REGISTRY_ONLY'),
});

const proxy = (namespace: string, name: string, more: Partial<Proxy> = {}): Proxy =>
  sidecar(pod(namespace, name, '10.0.0.1', { labels: { app: 'x', v: '1' } }), more);

/**
 * Proxies of each kind: two streams of one pod, all namespaces, a workload entry, a name that no object ever has. All of
 * their workloads come and go; while one is away, what the node says of itself counts.
 */
export const proxies: readonly Proxy[] = [
  proxy('foo', 'a'),
  proxy('foo', 'a', { routes: 'inline' }),
  proxy('foo', 'b'),
  proxy('foo', 'c', { ip: '10.0.0.3', labels: { app: 'y' } }),
  proxy('foo', 'stranger', { ip: '10.0.0.2' }),
  proxy('bar', 'a', { routes: 'inline' }),
  proxy('bar', 'b', { kind: 'router' }),
  proxy('foo', 'gate', { kind: 'router', labels: { istio: 'in', app: 'x' } }),
  proxy('bar', 'gate', { kind: 'router', labels: { istio: 'in', tier: '1' } }),
  proxy('istio-system', 'a'),
];
