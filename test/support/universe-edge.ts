import fc from 'fast-check';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { gatewayDocument, objectsOf, secretYaml, type TestServer } from './gateway-documents.ts';
import { service } from './objects.ts';
import { selfSigned } from './self-signed.ts';
import { httpRoute, to, virtualService } from './virtual-services.ts';

/** The objects of the small world (universe.ts) that only routers read. */
const namespace = fc.constantFrom('istio-system', 'foo', 'bar');

const [one, two] = [selfSigned(1), selfSigned(2)];
const contents: readonly Readonly<Record<string, string>>[] = [
  { 'tls.crt': one.certificate, 'tls.key': one.key },
  { 'tls.crt': two.certificate, 'tls.key': two.key, 'ca.crt': one.certificate },
  { 'tls.crt': one.certificate, 'tls.key': one.key, 'ca.crt': two.certificate },
  { 'tls.crt': one.certificate, 'tls.key': two.key },
  { 'ca.crt': two.certificate },
  {},
];

const secrets = fc
  .record({
    namespace,
    name: fc.constantFrom('c', 'd', 'd-cacert', 'shop', 'other'),
    content: fc.constantFrom(...contents),
  })
  .map(({ namespace, name, content }) => firstOf(secretYaml(name, content, namespace)));

const servers: readonly TestServer[] = [
  { port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] },
  { port: 80, name: 'redirect', protocol: 'HTTP', hosts: ['a.example'], tls: { httpsRedirect: true } },
  { port: 81, name: 'own', protocol: 'HTTP', hosts: ['foo/*.example'] },
  { port: 443, name: 'simple', protocol: 'HTTPS', hosts: ['a.example'], tls: { mode: 'SIMPLE', credentialName: 'c' } },
  { port: 443, name: 'mutual', protocol: 'HTTPS', hosts: ['b.example'], tls: { mode: 'MUTUAL', credentialName: 'd' } },
  {
    port: 443,
    name: 'wide',
    protocol: 'HTTPS',
    hosts: ['*.example'],
    tls: { mode: 'SIMPLE', credentialNames: ['c', 'd'] },
  },
  { port: 443, name: 'mesh', protocol: 'HTTPS', hosts: ['c.example'], tls: { mode: 'ISTIO_MUTUAL' } },
  { port: 443, name: 'pass', protocol: 'TLS', hosts: ['*.example'], tls: { mode: 'PASSTHROUGH' } },
  { port: 9000, name: 'tcp', protocol: 'TCP', hosts: ['*'] },
];

const gateways = fc
  .record({
    namespace: fc.constantFrom('foo', 'foo', 'bar'),
    name: fc.constantFrom('edge', 'second'),
    createdAt: fc.constantFrom(0, 1),
    selector: fc.constantFrom({}, { istio: 'in' }, { istio: 'in' }, { app: 'x' }, { v: '2' }),
    servers: fc.subarray([...servers], { minLength: 1, maxLength: 4 }),
  })
  .map(({ namespace, name, createdAt, selector, servers }): MeshObject => {
    const object = firstOf(gatewayDocument(name, servers, { namespace, selector }));
    return { ...object, meta: { ...object.meta, createdAt } };
  });

/** Routes that only Gateways have. */
const routes = fc
  .record({
    namespace,
    host: fc.constantFrom('a.example', '*.example', '*'),
    destination: fc.constantFrom('s.foo.svc.cluster.local', 's.bar.svc.cluster.local', 'a.example'),
    gateways: fc.constantFrom(['foo/edge'], ['bar/edge'], ['foo/edge', 'foo/second']),
    labels: fc.constantFrom({}, {}, { app: 'x' }, { tier: '1' }),
  })
  .map(({ namespace, host, destination, gateways, labels }): MeshObject => {
    const match = { gateways: [], sourceLabels: labels, sourceNamespace: '', port: undefined };
    const connection = { matches: [{ ...match, sniHosts: [], destinationSubnets: [], sourceSubnets: [] }] };
    return virtualService(namespace, 'edge', [host], {
      gateways,
      http: [httpRoute(destination)],
      tcp: [{ ...connection, destinations: [to(destination)] }],
    });
  });

/** Any of them. */
export const anyEdge: fc.Arbitrary<MeshObject> = fc.oneof(
  { weight: 4, arbitrary: gateways },
  { weight: 3, arbitrary: secrets },
  { weight: 3, arbitrary: routes },
);

/** A Gateway for every router, a route there, and what it leads to. */
export const anEdge: readonly MeshObject[] = [
  firstOf(gatewayDocument('edge', servers.slice(0, 2), { namespace: 'foo', selector: {} })),
  virtualService('foo', 'edge', ['*'], { gateways: ['foo/edge'], http: [httpRoute('s.foo.svc.cluster.local')] }),
  service('foo', 's', [[80, 8080, 'http']]),
];

function firstOf(yaml: string): MeshObject {
  const [object] = objectsOf(yaml);
  if (object === undefined) throw new Error(`no object: ${yaml}`);
  return object;
}
