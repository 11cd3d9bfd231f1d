/** The pods of the end-to-end tests, and what they are called by. */
export const world = {
  /** Has a sidecar, as all of `foo` and `bar`. */
  server: 'server.foo',
  /** Beside it in the same namespace: shows how far a selector reaches. */
  other: 'other.foo',
  /** In no mesh. */
  bare: 'server.legacy',
  clients: ['sleep.foo', 'sleep.bar', 'sleep.legacy'],
  sidecars: ['server.foo', 'other.foo', 'sleep.foo', 'sleep.bar'],
} as const;

export type Client = (typeof world.clients)[number];

/** SPIFFE ID of a service account `<name>.<namespace>`. */
export function idOf(account: string): string {
  const [name, namespace] = account.split('.');
  return `spiffe://cluster.local/ns/${namespace}/sa/${name}`;
}

/** Ports of every server. `port` is the service's; without one no service names it. */
export const ports = {
  http: { target: 8080, port: 80 },
  tcp: { target: 9000, port: 9000 },
  'other tcp': { target: 9001, port: 9001 },
  'own tls': { target: 9443, port: 9443 },
  'sniffed http': { target: 7000, port: 7000 },
  'sniffed tcp': { target: 7001, port: 7001 },
  'unnamed http': { target: 6060, port: undefined },
  'unnamed tcp': { target: 6061, port: undefined },
} as const;

const command = [
  'server',
  ...['--http 8080', '--http 7000', '--http 6060'],
  ...['--tcp 9000', '--tcp 9001', '--tcp 7001', '--tcp 6061', '--tls 9443'],
].join(' ');

/** What the control plane and the sandbox read, as one YAML text. */
export function worldManifests(): string {
  const documents = [
    namespace('foo', true),
    namespace('bar', true),
    namespace('legacy', false),
    ...pod('foo', 'server', command),
    ...pod('foo', 'other', command),
    ...pod('foo', 'sleep'),
    ...pod('bar', 'sleep'),
    ...pod('legacy', 'sleep'),
    ...pod('legacy', 'server', command),
    ...['foo', 'legacy'].map((each) => service(each, 'server')),
    service('foo', 'other'),
    fenceService,
  ];
  return toYaml(documents);
}

/** JSON is YAML. */
export function toYaml(documents: readonly object[]): string {
  return documents.map((each) => JSON.stringify(each)).join('\n---\n');
}

/** An address that means nothing but "you have seen version n": see e2e-mesh.ts. */
export function fenceAddress(version: number): string {
  return `10.99.${version >> 8}.${version & 0xff}`;
}

/** What carries the fence to every sidecar. */
export function fenceEndpoint(version: number): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'fence', namespace: 'legacy' },
    spec: { address: fenceAddress(version), labels: { app: 'fence' } },
  };
}

const fenceService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'fence', namespace: 'legacy' },
  spec: { selector: { app: 'fence' }, ports: [{ name: 'tcp', port: 1 }] },
};

function namespace(name: string, injected: boolean): object {
  const labels = injected ? { 'istio-injection': 'enabled' } : {};
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function pod(namespaceName: string, name: string, run?: string): readonly object[] {
  const metadata = { name, namespace: namespaceName };
  const container = {
    name,
    image: 'example/server',
    ports: run === undefined ? [] : Object.values(ports).map(containerPort),
  };
  const annotations = run === undefined ? {} : { 'sandbox.coxswain.dev/command': run };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: name }, annotations },
      spec: { serviceAccountName: name, containers: [container] },
    },
  ];
}

function containerPort({ target }: { readonly target: number }): object {
  return { containerPort: target };
}

function service(namespaceName: string, name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: namespaceName },
    spec: {
      selector: { app: name },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'tcp', port: 9000 },
        { name: 'tcp-other', port: 9001 },
        { name: 'tls', port: 9443 },
        { name: 'web', port: 7000 },
        { name: 'raw', port: 7001 },
      ],
    },
  };
}
