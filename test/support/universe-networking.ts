import fc from 'fast-check';
import type { ExportTo } from '../../src/model/export-to.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Protocol } from '../../src/model/service.ts';
import type { DefaultEndpoint } from '../../src/model/sidecar.ts';
import type { ConnectionPool } from '../../src/model/traffic-policy.ts';
import type { ConnectionRoute, HttpMatch } from '../../src/model/virtual-service.ts';
import { entryEndpoint, ingress, meta, noPool, serviceEntry, sidecarResource } from './objects.ts';
import { at, httpRoute, to, under, virtualService } from './virtual-services.ts';

/** The objects of the small world (universe.ts) that say what clients know of each other, and where their traffic goes. */
const namespaces = ['istio-system', 'foo', 'bar'] as const;
const namespace = fc.constantFrom(...namespaces);
const createdAt = fc.constantFrom(0, 1);
export const anyExport = fc.constantFrom<ExportTo>('all', 'all', ['foo'], ['bar'], ['bar', 'foo'], []);
const serviceHosts = ['s.foo.svc.cluster.local', 't.foo.svc.cluster.local', 's.bar.svc.cluster.local'] as const;
const outside = ['a.example', 'b.example', '*.example'] as const;

const entries = fc
  .record({
    namespace,
    name: fc.constantFrom('e', 'f'),
    createdAt,
    hosts: fc.subarray([...outside, serviceHosts[0]], { minLength: 1, maxLength: 2 }),
    addresses: fc.subarray(['10.96.0.1', '10.96.0.9'], { maxLength: 1 }),
    blocks: fc.constantFrom([], [], [{ address: '10.97.0.0', prefixLength: 16 }]),
    ports: fc.subarray([80, 443, 9000], { minLength: 1 }),
    location: fc.constantFrom('external' as const, 'internal' as const),
    resolution: fc.constantFrom('STATIC' as const, 'NONE' as const, 'DNS' as const),
    selected: fc.constantFrom(undefined, undefined, { app: 'x' }),
    exportTo: anyExport,
  })
  .map(({ namespace, name, createdAt, hosts, ports, selected, ...more }): MeshObject => {
    const [first = ''] = hosts;
    const protocols = { 80: 'http', 443: 'tls', 9000: 'tcp' } as const;
    const shapes = ports.map((port) => [port, port, protocols[port as keyof typeof protocols]] as const);
    const named = more.resolution === 'DNS';
    return {
      ...serviceEntry(namespace, name, first, shapes, more),
      meta: meta(namespace, name, { createdAt }),
      hosts,
      endpoints:
        more.resolution === 'NONE' || selected !== undefined
          ? []
          : [entryEndpoint(namespace, named ? 'one.example' : '10.0.0.7')],
      workloadSelector: more.resolution === 'STATIC' && selected !== undefined ? { matchLabels: selected } : undefined,
    };
  });

const imports = fc.subarray(
  [
    { namespace: 'foo', host: '*' },
    { namespace: 'bar', host: '*' },
    { namespace: undefined, host: 's.foo.svc.cluster.local' },
    { namespace: undefined, host: '*.example' },
  ],
  { maxLength: 2 },
);
const pools = fc.constantFrom<ConnectionPool | undefined>(undefined, {
  ...noPool,
  maxConnections: 7,
  tcpIdleTimeoutMs: 1_000,
});
const ingresses = fc.uniqueArray(
  fc
    .record({
      number: fc.constantFrom(7000, 8080, 9999),
      protocol: fc.constantFrom<Protocol>('http', 'tcp', 'auto'),
      defaultEndpoint: fc.constantFrom<DefaultEndpoint | undefined>(
        undefined,
        { kind: 'port', at: 'pod', port: 8080 },
        { kind: 'port', at: 'loopback', port: 8081 },
        { kind: 'socket', path: '/run/app' },
      ),
      connectionPool: pools,
    })
    .map(({ number, protocol, ...more }) => ingress(number, protocol, more)),
  { selector: ({ port }) => port.number, maxLength: 2 },
);
const port80 = { number: 80, name: 'http', protocol: 'http' } as const;
const sidecars = fc
  .record({
    namespace,
    name: fc.constantFrom('default', 'some'),
    createdAt,
    labels: fc.constantFrom({}, {}, { app: 'x' }, { v: '2' }),
    egress: fc.option(fc.tuple(imports, fc.option(imports, { nil: undefined })), { nil: undefined }),
    mode: fc.constantFrom(undefined, 'REGISTRY_ONLY' as const, 'ALLOW_ANY' as const),
    bind: fc.constantFrom('', '', '127.0.0.1', '0.0.0.0'),
    protocol: fc.constantFrom<Protocol>('http', 'tcp'),
    ingress: ingresses,
    inboundConnectionPool: pools,
  })
  .map(({ namespace, name, createdAt, labels, egress, mode, bind, protocol, ...inbound }): MeshObject => {
    const listener = { bind: '', captureMode: 'DEFAULT' } as const;
    return sidecarResource(namespace, name, {
      meta: meta(namespace, name, { createdAt }),
      selector: { matchLabels: namespace === 'istio-system' ? {} : labels },
      egress: egress && [
        { ...listener, port: undefined, hosts: egress[0] },
        ...(egress[1] === undefined ? [] : [{ ...listener, bind, port: { ...port80, protocol }, hosts: egress[1] }]),
      ],
      ...inbound,
      outboundPolicy: mode && { mode, egressProxy: undefined },
    });
  });

const matches: readonly HttpMatch[] = [
  at('/1'),
  under('/2'),
  at('/3', { sourceLabels: { app: 'x' } }),
  at('/4', { sourceLabels: { w: '1' } }),
  at('/5', { sourceNamespace: 'foo' }),
  at('/6', { port: 80 }),
  at('/7', { gateways: ['foo/edge'] }),
];
const destinations = fc.constantFrom(...serviceHosts, 'a.example', 'nowhere.example');
const virtualServices = fc
  .record({
    namespace,
    name: fc.constantFrom('v', 'w', 'x'),
    createdAt,
    hosts: fc.subarray(['s', ...serviceHosts, ...outside, '*.foo.svc.cluster.local'], { maxLength: 2 }),
    gateways: fc.constantFrom(['mesh'], ['mesh'], ['foo/edge'], ['foo/edge', 'mesh']),
    exportTo: anyExport,
    http: fc.array(fc.tuple(destinations, fc.subarray([...matches], { maxLength: 2 }), fc.constantFrom('', '', 'v')), {
      maxLength: 3,
    }),
    tcp: fc.option(destinations, { nil: undefined }),
  })
  .map(({ namespace, name, createdAt, hosts, gateways, exportTo, http, tcp }): MeshObject => {
    const connections: readonly ConnectionRoute[] = tcp === undefined ? [] : [{ matches: [], destinations: [to(tcp)] }];
    return virtualService(namespace, name, hosts, {
      createdAt,
      gateways,
      exportTo,
      http: http.map(([host, where, delegate]) => {
        const route = httpRoute(host, where);
        return delegate === '' || hosts.length === 0
          ? route
          : { ...route, action: { kind: 'delegate', to: { namespace, name: delegate } } };
      }),
      tls: connections,
      tcp: connections,
    });
  });

/** Any of them. */
export const anyNetworking: fc.Arbitrary<MeshObject> = fc.oneof(
  { weight: 3, arbitrary: entries },
  { weight: 3, arbitrary: sidecars },
  { weight: 4, arbitrary: virtualServices },
);
