import { destinationRule, hostOf } from './e2e-destination-rules.ts';
import { Mesh } from './e2e-mesh.ts';
import type { PolicyObject } from './e2e-policies.ts';
import { toYaml, worldManifests } from './e2e-world.ts';

/** Who answers for `many`, and for `parted`, which has subsets; `single` is the first of them alone, `hole` an address where nobody is. */
export const members = ['one', 'two', 'three'] as const;
type ServiceName = 'many' | 'single' | 'hole' | 'parted';

interface Way {
  readonly service: ServiceName;
  readonly tcp?: true;
  readonly policy: object;
}

const hash = (consistentHash: object): object => ({ loadBalancer: { consistentHash } });
const outliers = (more: object): object => ({
  outlierDetection: { consecutive5xxErrors: 2, interval: '0.1s', ...more },
});

/** Settings, each on a port of its own. */
const ways = {
  plain: { service: 'many', policy: {} },
  roundRobin: { service: 'many', policy: { loadBalancer: { simple: 'ROUND_ROBIN' } } },
  random: { service: 'many', policy: { loadBalancer: { simple: 'RANDOM' } } },
  leastRequest: { service: 'many', policy: { loadBalancer: { simple: 'LEAST_REQUEST' } } },
  passthrough: { service: 'many', policy: { loadBalancer: { simple: 'PASSTHROUGH' } } },
  byHeader: { service: 'many', policy: hash({ httpHeaderName: 'x-user' }) },
  byHeaderMaglev: { service: 'many', policy: hash({ httpHeaderName: 'x-user', maglev: {} }) },
  byCookie: { service: 'many', policy: hash({ httpCookie: { name: 'user', ttl: '3600s' } }) },
  byQuery: { service: 'many', policy: hash({ httpQueryParameterName: 'user' }) },
  bySource: { service: 'many', policy: hash({ useSourceIp: true }) },
  bySourceTcp: { service: 'many', tcp: true, policy: hash({ useSourceIp: true }) },
  pending: {
    service: 'single',
    policy: { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } },
  },
  requests: { service: 'single', policy: { connectionPool: { http: { http2MaxRequests: 2 } } } },
  connections: { service: 'single', tcp: true, policy: { connectionPool: { tcp: { maxConnections: 1 } } } },
  oneRequestEach: { service: 'single', policy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } },
  noLimit: { service: 'single', policy: {} },
  idle: { service: 'single', tcp: true, policy: { connectionPool: { tcp: { idleTimeout: '0.3s' } } } },
  upgraded: { service: 'single', policy: { connectionPool: { http: { h2UpgradePolicy: 'UPGRADE' } } } },
  asClient: { service: 'single', policy: { connectionPool: { http: { useClientProtocol: true } } } },
  ejected: { service: 'many', policy: outliers({ baseEjectionTime: '300s', maxEjectionPercent: 100 }) },
  ejectedByDefault: { service: 'many', policy: outliers({ baseEjectionTime: '300s' }) },
  ejectedForAWhile: { service: 'many', policy: outliers({ baseEjectionTime: '0.5s', maxEjectionPercent: 100 }) },
  parted: { service: 'parted', policy: {} },
  quickTimeout: { service: 'hole', policy: { connectionPool: { tcp: { connectTimeout: '0.2s' } } } },
} as const satisfies Readonly<Record<string, Way>>;

export type WayName = keyof typeof ways;
const names = Object.keys(ways);

/** Where a way is called. */
export function portOf(name: WayName): number {
  return 8_200 + names.indexOf(name);
}

export const serviceOf = (name: WayName): string => `${ways[name].service}.legacy`;
export const clusterOf = (name: WayName): string => `outbound|${portOf(name)}||${hostOf(serviceOf(name))}`;

const entries: readonly (readonly [string, Way])[] = Object.entries(ways);

function waysOf(service: ServiceName) {
  return entries
    .map(([name, way], index) => ({ name, way, port: 8_200 + index }))
    .filter(({ way }) => way.service === service);
}

const services: readonly ServiceName[] = ['many', 'single', 'hole', 'parted'];

/** Parts of `parted`: two members, one of them again under settings of its own, and one that no pod is in. */
const subsets = [
  { name: 'one', labels: { member: 'one' } },
  { name: 'two', labels: { member: 'two' } },
  {
    name: 'upgraded',
    labels: { member: 'two' },
    trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: 'UPGRADE' } } },
  },
  { name: 'nobody', labels: { member: 'nobody' } },
];

/** Requests say which subset they want; others go to all of them. */
const partedRoutes: PolicyObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'parted', namespace: 'legacy' },
  spec: {
    hosts: [hostOf('parted.legacy')],
    http: [
      ...subsets.map(({ name }) => ({
        match: [{ headers: { 'x-subset': { exact: name } } }],
        route: [{ destination: { host: hostOf('parted.legacy'), subset: name } }],
      })),
      { route: [{ destination: { host: hostOf('parted.legacy') } }] },
    ],
  },
};

/** A rule for each service, with a setting for each port. */
export const trafficRules: readonly PolicyObject[] = services.map((service) =>
  destinationRule(
    { namespace: 'bar', host: hostOf(`${service}.legacy`), ...(service === 'parted' ? { subsets } : {}) },
    { portLevelSettings: waysOf(service).map(({ port, way }) => ({ port: { number: port }, ...way.policy })) },
  ),
);

/** The world, with these services in it. */
export async function trafficMesh(envoy: string): Promise<Mesh> {
  const pods = members.map((name) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'legacy',
      labels: { app: 'many', member: name },
      annotations: { 'sandbox.coxswain.dev/command': `traffic ${name}` },
    },
    spec: { containers: [{ name: 'app', image: 'example/app', ports: [{ containerPort: 8_080 }] }] },
  }));
  const selectors: Readonly<Record<ServiceName, object>> = {
    many: { app: 'many' },
    single: { member: 'one' },
    hole: { app: 'hole' },
    parted: { app: 'many' },
  };
  const documents = services.map((service) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, namespace: 'legacy' },
    spec: {
      selector: selectors[service],
      ports: waysOf(service).map(({ port, way }) => ({
        name: `${way.tcp ? 'tcp' : 'http'}-${port}`,
        port,
        targetPort: way.tcp ? 9_000 : 8_080,
      })),
    },
  }));
  const mesh = await Mesh.up(envoy, {
    manifests: [
      { file: 'world.yaml', yaml: worldManifests() },
      { file: 'traffic.yaml', yaml: toYaml([...pods, ...documents]) },
    ],
  });
  await using stack = new AsyncDisposableStack();
  stack.use(mesh);
  const hole = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'hole', namespace: 'legacy' },
    // Nobody answers for it on the link of the pods: packets wait for a neighbour that never comes.
    spec: { address: mesh.sandbox.pod('one.legacy').ip.replace(/\d+$/, '250'), labels: { app: 'hole' } },
  };
  await mesh.sandbox.apply(toYaml([hole]));
  await mesh.enforce([...trafficRules, partedRoutes]);
  stack.move();
  return mesh;
}
