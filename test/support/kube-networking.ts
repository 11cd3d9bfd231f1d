/** An object of the networking API. */
export const networking = (kind: string, where: string, name: string, spec: object): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace: where },
  spec,
});

const port = (number: number): object => ({ number, name: `http-${number}`, protocol: 'HTTP' });

/** A good spec of each kind that gets a status, and one that only our validator can refuse, with its words. For a world that has web.foo. */
export const networkingKinds: readonly {
  readonly kind: string;
  readonly good: object;
  readonly bad: object;
  readonly words: RegExp;
}[] = [
  {
    kind: 'Gateway',
    good: { selector: { istio: 'ingressgateway' }, servers: [{ port: port(80), hosts: ['web.example'] }] },
    bad: { servers: [{ port: port(80), bind: 'localhost', hosts: ['*'] }] },
    words: /spec\.servers\[0\]\.bind: "localhost" is no IP address/,
  },
  {
    kind: 'VirtualService',
    good: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web', port: { number: 80 } } }] }] },
    bad: { hosts: ['web'], http: [{ match: [{ uri: { regex: '/a(b' } }], route: [{ destination: { host: 'web' } }] }] },
    words: /spec\.http\[0\]\.match\[0\]\.uri\.regex: "\/a\(b" is no expression of RE2/,
  },
  {
    kind: 'DestinationRule',
    good: { host: 'web', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
    bad: {
      host: 'web',
      trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 100 } } } },
    },
    words: /tableSize must be a prime number, not 100/,
  },
  {
    kind: 'ServiceEntry',
    good: { hosts: ['api.example'], ports: [port(80)], resolution: 'DNS' },
    bad: { hosts: ['*.example'], ports: [port(80)], resolution: 'DNS' },
    words: /spec\.hosts: a wildcard can't be resolved/,
  },
  {
    kind: 'Sidecar',
    good: { egress: [{ hosts: ['./*', 'istio-system/*'] }] },
    bad: { egress: [{ hosts: ['web.foo.svc.cluster.local'] }] },
    words: /spec\.egress\[0\]\.hosts\[0\]: "web\.foo\.svc\.cluster\.local" names no namespace/,
  },
];
