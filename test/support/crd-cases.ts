/** A spec that the API server takes, one that it refuses, and its words about that. One for each rule of a schema. */
export interface RuleCase {
  readonly kind: string;
  readonly good: object;
  readonly bad: object;
  readonly words: string;
}

const ap = 'AuthorizationPolicy';
const app = { matchLabels: { app: 'web' } };
const port = { number: 80, name: 'http', protocol: 'HTTP' };
const serviceEntry = (more: object): object => ({ hosts: ['a.example'], ports: [port], ...more });
const https = { number: 443, name: 'https', protocol: 'HTTPS' };
const gateway = (tls: object): object => ({ servers: [{ port: https, hosts: ['*'], tls }] });
const clientTls = (tls: object): object => ({ host: 'a', trafficPolicy: { portLevelSettings: [{ tls }] } });
const hash = (consistentHash: object): object => ({
  host: 'a',
  trafficPolicy: { loadBalancer: { consistentHash } },
});
const server = (more: object): object => ({ servers: [{ port, hosts: ['*'], ...more }] });
const jwt = (more: object): object => ({ jwtRules: [{ issuer: 'a', ...more }] });
const http = (more: object): object => ({ http: [more] });
const from = (source: object): object => ({ rules: [{ from: [{ source }] }] });
const mesh = 'certificates of the mesh';

/** Every CEL rule, every limit that stands for one, with an object on each side of it. */
export const ruleCases: readonly RuleCase[] = [
  {
    kind: 'PeerAuthentication',
    good: { selector: app, portLevelMtls: { 8080: { mode: 'STRICT' } } },
    bad: { selector: { matchLabels: {} }, portLevelMtls: { 8080: { mode: 'STRICT' } } },
    words: 'portLevelMtls needs a selector with labels',
  },
  {
    kind: 'PeerAuthentication',
    good: { selector: app, portLevelMtls: { 65535: {} } },
    bad: { selector: app, portLevelMtls: { 65536: {} } },
    words: 'each key must be a port',
  },
  {
    kind: 'PeerAuthentication',
    good: { selector: app },
    bad: { selector: { matchLabels: { 'a*': 'b' } } },
    words: 'label keys must not be empty or hold wildcards',
  },
  {
    kind: ap,
    good: { targetRefs: [{ kind: 'Service', name: 'a' }] },
    bad: { selector: app, targetRefs: [{ kind: 'Service', name: 'a' }] },
    words: 'at most one of selector, targetRef, targetRefs may be set',
  },
  { kind: ap, good: { action: 'DENY', rules: [{}] }, bad: { action: 'DENY', rules: [] }, words: 'a DENY policy needs' },
  {
    kind: ap,
    good: { action: 'CUSTOM', provider: { name: 'a' }, rules: [{}] },
    bad: { action: 'CUSTOM', provider: { name: 'a' } },
    words: 'a CUSTOM policy needs rules',
  },
  {
    kind: ap,
    good: { action: 'AUDIT', rules: [{}] },
    bad: { action: 'CUSTOM', rules: [{}] },
    words: 'provider belongs to action CUSTOM',
  },
  {
    kind: ap,
    good: from({ serviceAccounts: ['a/b'], ipBlocks: ['10.0.0.0/8'] }),
    bad: from({ serviceAccounts: ['a/b'], notNamespaces: ['c'] }),
    words: 'serviceAccounts can not be combined',
  },
  {
    kind: 'RequestAuthentication',
    good: { targetRef: { group: '', kind: 'Service', name: 'a' } },
    bad: { targetRef: { kind: 'Service', name: 'a', namespace: 'b' } },
    words: 'targetRef.namespace',
  },
  {
    kind: 'RequestAuthentication',
    good: jwt({ jwksUri: 'https://a/keys', timeout: '5s' }),
    bad: jwt({ jwksUri: 'https://a/keys', jwks: '{}' }),
    words: 'at most one of jwksUri, jwks_uri, jwks may be set',
  },
  {
    kind: 'RequestAuthentication',
    good: jwt({ jwks_uri: 'http://a' }),
    bad: jwt({ jwksUri: 'ftp://a' }),
    words: 'jwksUri',
  },
  {
    kind: 'WorkloadEntry',
    good: { network: 'n' },
    bad: { labels: { app: 'a' } },
    words: 'an address is required where no network is named',
  },
  {
    kind: 'WorkloadEntry',
    good: { address: '10.0.0.1', ports: { a: 1 } },
    bad: { address: '10.0.0.1', ports: { a: 0 } },
    words: 'ports.a',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ resolution: 'STATIC', endpoints: [{ address: '10.0.0.1' }] }),
    bad: serviceEntry({
      resolution: 'STATIC',
      endpoints: [{ address: '10.0.0.1' }],
      workloadSelector: { labels: { a: 'b' } },
    }),
    words: 'at most one of workloadSelector, endpoints may be set',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ addresses: ['10.0.0.0/8'], resolution: 'NONE' }),
    bad: serviceEntry({ addresses: ['10.0.0.0/8'], resolution: 'DNS' }),
    words: 'CIDR blocks are for resolution NONE and STATIC',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ endpoints: [] }),
    bad: serviceEntry({ endpoints: [{ address: '10.0.0.1' }] }),
    words: 'resolution NONE takes no endpoints',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a' }] }),
    bad: serviceEntry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a' }, { address: 'b' }] }),
    words: 'DNS_ROUND_ROBIN takes at most one endpoint',
  },
  {
    kind: 'ServiceEntry',
    good: { hosts: ['a'], ports: [port, { number: 81, name: 'b' }] },
    bad: { hosts: ['a'], ports: [port, { number: 80, name: 'b' }] },
    words: 'port numbers must differ',
  },
  {
    kind: 'ServiceEntry',
    good: { hosts: ['*.example'] },
    bad: { hosts: ['*'] },
    words: '"*" alone would stand for every host',
  },
  {
    kind: 'ServiceEntry',
    good: { hosts: ['Api_1.example.', '*.example', '*-a.example'] },
    bad: { hosts: ['https://api.example'] },
    words: 'spec.hosts[0]',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ hosts: ['*.example'], resolution: 'DYNAMIC_DNS' }),
    bad: serviceEntry({ resolution: 'DYNAMIC_DNS' }),
    words: 'resolution DYNAMIC_DNS takes wildcard hosts, and no addresses',
  },
  {
    kind: 'ServiceEntry',
    good: serviceEntry({ exportTo: ['.', 'foo'] }),
    bad: serviceEntry({ exportTo: ['*', 'foo'] }),
    words: '"*" and "~" stand alone',
  },
  {
    kind: 'Gateway',
    good: server({ bind: 'unix:///run/in.sock', port: { name: 'a', protocol: 'http' } }),
    bad: server({ port: { number: 0, name: 'a', protocol: 'HTTP' } }),
    words: 'a port has a number, but for a Unix socket',
  },
  {
    kind: 'Gateway',
    good: server({ port: { number: 443, name: 'a', protocol: 'tls' }, tls: {} }),
    bad: server({ port: { number: 443, name: 'a', protocol: 'https' } }),
    words: 'protocol HTTPS or TLS needs tls',
  },
  {
    kind: 'Gateway',
    good: server({ tls: { httpsRedirect: true, mode: 'PASSTHROUGH' } }),
    bad: server({ tls: { mode: 'SIMPLE', credentialName: 'a' } }),
    words: 'plaintext HTTP takes no tls but httpsRedirect',
  },
  {
    kind: 'Gateway',
    good: server({ port: { number: 1, name: 'a', protocol: 'TCP' } }),
    bad: server({ port: { number: 1, name: 'a', protocol: 'MONGO' }, tls: { httpsRedirect: true } }),
    words: 'plaintext TCP takes no tls',
  },
  { kind: 'Gateway', good: server({}), bad: { servers: [] }, words: 'spec.servers' },
  {
    kind: 'Gateway',
    good: gateway({ mode: 'SIMPLE', credentialName: 'a' }),
    bad: gateway({ mode: 'SIMPLE', credentialName: 'a', credentialNames: ['b'] }),
    words: 'at most one of credentialName, credentialNames, serverCertificate, tlsCertificates may be set',
  },
  {
    kind: 'Gateway',
    good: gateway({ mode: 'ISTIO_MUTUAL' }),
    bad: gateway({ mode: 'ISTIO_MUTUAL', credentialName: 'a' }),
    words: mesh,
  },
  {
    kind: 'Gateway',
    good: gateway({ mode: 'MUTUAL', serverCertificate: 'a', privateKey: 'b', caCertificates: 'c' }),
    bad: gateway({ mode: 'ISTIO_MUTUAL', privateKey: 'b' }),
    words: mesh,
  },
  {
    kind: 'Gateway',
    good: gateway({ tlsCertificates: [{ serverCertificate: 'a', privateKey: 'b' }] }),
    bad: gateway({ mode: 'ISTIO_MUTUAL', caCertificates: 'c' }),
    words: mesh,
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'MUTUAL', credentialName: 'a' }),
    bad: clientTls({ mode: 'MUTUAL', clientCertificate: 'a' }),
    words: 'mode MUTUAL needs clientCertificate and privateKey, or credentialName',
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'MUTUAL', clientCertificate: 'a', privateKey: 'b' }),
    bad: clientTls({ mode: 'SIMPLE', credentialName: 'a', caCertificates: 'b' }),
    words: 'credentialName can not be combined with certificate files',
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'SIMPLE', credentialName: 'a' }),
    bad: clientTls({ mode: 'SIMPLE', credentialName: 'a', caCrl: 'b' }),
    words: 'credentialName can not be combined with caCrl',
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'SIMPLE', caCertificates: 'a' }),
    bad: clientTls({ mode: 'SIMPLE', clientCertificate: 'a', privateKey: 'b' }),
    words: 'only mode MUTUAL shows a certificate of its own',
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'ISTIO_MUTUAL', sni: 'a' }),
    bad: clientTls({ mode: 'ISTIO_MUTUAL', caCertificates: 'a' }),
    words: 'only modes SIMPLE and MUTUAL name certificates',
  },
  {
    kind: 'DestinationRule',
    good: clientTls({ mode: 'SIMPLE', insecureSkipVerify: false, subjectAltNames: ['a'] }),
    bad: clientTls({ mode: 'SIMPLE', insecureSkipVerify: true, subjectAltNames: ['a'] }),
    words: 'insecureSkipVerify checks nothing',
  },
  { kind: 'DestinationRule', good: { host: '*.b' }, bad: { host: 'a.*.b' }, words: 'spec.host' },
  {
    kind: 'DestinationRule',
    good: { host: 'a', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
    bad: { host: 'a', trafficPolicy: { loadBalancer: { simple: 'RANDOM', consistentHash: { useSourceIp: true } } } },
    words: 'at most one of simple, consistentHash, backendUtilization may be set',
  },
  {
    kind: 'DestinationRule',
    good: hash({ useSourceIp: false, httpHeaderName: 'x', maglev: {} }),
    bad: hash({ useSourceIp: true, httpHeaderName: 'x' }),
    words: 'one of httpHeaderName, httpCookie, httpQueryParameterName must be set, or useSourceIp',
  },
  {
    kind: 'DestinationRule',
    good: hash({ useSourceIp: true, ringHash: {} }),
    bad: hash({ useSourceIp: true, ringHash: {}, maglev: {} }),
    words: 'at most one of ringHash, maglev may be set',
  },
  {
    kind: 'VirtualService',
    good: { tcp: [{ route: [] }], hosts: ['a'] },
    bad: { hosts: ['a'], http: [] },
    words: 'a VirtualService needs routes: http, tls or tcp',
  },
  {
    kind: 'VirtualService',
    good: { gateways: [], ...http({ redirect: {} }) },
    bad: { gateways: ['a'], ...http({ redirect: {} }) },
    words: 'without hosts this is a delegate, which has http alone',
  },
  {
    kind: 'VirtualService',
    good: http({ delegate: { name: 'a', namespace: 'b' } }),
    bad: http({ delegate: { name: 'a', namespace: 'B' } }),
    words: 'delegate.namespace',
  },
  {
    kind: 'VirtualService',
    good: http({ route: [{ destination: { host: 'A.b' } }] }),
    bad: http({ route: [{ destination: { host: '*.b' } }] }),
    words: 'destination.host',
  },
  {
    kind: 'VirtualService',
    good: http({ match: [{ uri: { prefix: '/' } }] }),
    bad: http({ match: [{ uri: { prefix: '/', exact: '/a' } }] }),
    words: 'uri',
  },
  {
    kind: 'VirtualService',
    good: http({ redirect: { derivePort: 'FROM_REQUEST_PORT' } }),
    bad: http({ redirect: { derivePort: 'FROM_REQUEST_PORT', port: 80 } }),
    words: 'at most one of port, derivePort may be set',
  },
  {
    kind: 'VirtualService',
    good: http({ fault: { delay: { fixedDelay: '5s' } } }),
    bad: http({ fault: { delay: { fixedDelay: '5s', exponentialDelay: '5s' } } }),
    words: 'at most one of fixedDelay, exponentialDelay may be set',
  },
  {
    kind: 'VirtualService',
    good: http({ fault: { abort: { httpStatus: 500 } } }),
    bad: http({ fault: { abort: { httpStatus: 500, grpcStatus: 'UNAVAILABLE' } } }),
    words: 'at most one of httpStatus, grpcStatus, http2Error may be set',
  },
  {
    kind: 'VirtualService',
    good: http({ directResponse: { status: 200, body: { string: 'a' } } }),
    bad: http({ directResponse: { status: 200, body: { string: 'a', bytes: 'YQ==' } } }),
    words: 'body',
  },
  { kind: 'VirtualService', good: http({ timeout: '0s' }), bad: http({ timeout: '10' }), words: 'timeout' },
  {
    kind: 'Sidecar',
    good: { egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
    bad: { egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'NONE' } },
    words: 'outboundTrafficPolicy.mode',
  },
  {
    kind: 'Sidecar',
    good: { outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy: { host: 'a' } } },
    bad: { outboundTrafficPolicy: { egressProxy: { host: 'a' } } },
    words: 'egressProxy needs mode ALLOW_ANY',
  },
  {
    kind: 'Sidecar',
    good: { workloadSelector: { labels: { a: 'b' } }, ingress: [] },
    bad: { workloadSelector: { labels: { a: 'b' } } },
    words: 'a Sidecar says something of ingress, egress or outboundTrafficPolicy',
  },
];
