import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  anyMatch,
  anySource,
  type Operation,
  type Source,
} from '../../src/model/authorization-policy.ts';
import type { DestinationRule } from '../../src/model/destination-rule.ts';
import type { ExtAuthzGrpc, ExtAuthzHttp } from '../../src/model/extension-provider.ts';
import { stringMatch } from '../../src/model/match.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { ObjectMeta } from '../../src/model/object.ts';
import type { MtlsSetting, PeerAuthentication } from '../../src/model/peer-authentication.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { JwtRule, KeySource, RequestAuthentication } from '../../src/model/request-authentication.ts';
import type { EndpointSlice, Protocol, Service } from '../../src/model/service.ts';
import type { EntryEndpoint, ServiceEntry } from '../../src/model/service-entry.ts';
import type { IngressListener, Sidecar } from '../../src/model/sidecar.ts';
import type { ConnectionPool, TrafficPolicy } from '../../src/model/traffic-policy.ts';
import type { Workload } from '../../src/model/workload.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Store } from '../../src/snapshot/store.ts';
import type { ClientsPart } from '../../src/translate/policy/outbound.ts';

/** Builders of parsed objects for tests: short to write, every default visible here. */
export function meta(namespace: string, name: string, more: Partial<ObjectMeta> = {}): ObjectMeta {
  return {
    name,
    namespace,
    labels: {},
    annotations: {},
    createdAt: 0,
    uid: '',
    generation: 0,
    origin: { kind: 'file', path: `${namespace}-${name}.yaml`, line: 1 },
    ...more,
  };
}

export function service(
  namespace: string,
  name: string,
  ports: readonly (readonly [port: number, targetPort: number | string, protocol: Protocol])[],
  more: Partial<Service> = {},
): Service {
  return {
    kind: 'Service',
    meta: meta(namespace, name),
    selector: { app: name },
    addresses: [],
    headless: false,
    externalName: undefined,
    exportTo: 'all',
    ports: ports.map(([port, targetPort, protocol]) => ({ name: `${protocol}-${port}`, port, targetPort, protocol })),
    ...more,
  };
}

export function pod(namespace: string, name: string, address: string, more: Partial<Workload> = {}): Workload {
  return {
    kind: 'Pod',
    meta: meta(namespace, name),
    addresses: [address],
    labels: { app: name.replace(/-\d+$/, '') },
    serviceAccount: name.replace(/-\d+$/, ''),
    namedPorts: {},
    tlsMode: 'istio',
    ready: true,
    ...more,
  };
}

export function slice(
  namespace: string,
  serviceName: string,
  port: readonly [name: string, port: number],
  endpoints: readonly { readonly address: string; readonly pod?: string; readonly ready?: boolean }[],
): EndpointSlice {
  return {
    kind: 'EndpointSlice',
    meta: meta(namespace, `${serviceName}-1`),
    service: serviceName,
    ports: [{ name: port[0], port: port[1] }],
    endpoints: endpoints.map((each) => ({ addresses: [each.address], ready: each.ready ?? true, pod: each.pod ?? '' })),
  };
}

export function peerAuthentication(
  namespace: string,
  name: string,
  mtls: MtlsSetting,
  more: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly ports?: readonly (readonly [number, MtlsSetting])[];
    readonly createdAt?: number;
  } = {},
): PeerAuthentication {
  return {
    kind: 'PeerAuthentication',
    meta: meta(namespace, name, { createdAt: more.createdAt ?? 0 }),
    selector: { matchLabels: more.labels ?? {} },
    mtls,
    portLevelMtls: new Map(more.ports ?? []),
  };
}

/** `from`/`to` in the short form of the YAML API, for instance `{ principals: ['a*'] }`. */
export interface ShortRule {
  readonly from?: { readonly principals?: readonly string[]; readonly namespaces?: readonly string[] };
  readonly to?: {
    readonly hosts?: readonly string[];
    readonly ports?: readonly number[];
    readonly methods?: readonly string[];
    readonly paths?: readonly string[];
  };
}

export function rule({ from, to }: ShortRule): AuthorizationRule {
  const texts = (values: readonly string[] | undefined) =>
    values === undefined ? anyMatch : { values: values.map(stringMatch), notValues: [] };
  const sources: readonly Source[] =
    from === undefined
      ? []
      : [{ ...anySource, principals: texts(from.principals), namespaces: texts(from.namespaces) }];
  const operations: readonly Operation[] =
    to === undefined
      ? []
      : [
          {
            hosts: texts(to.hosts),
            ports: to.ports === undefined ? anyMatch : { values: to.ports, notValues: [] },
            methods: texts(to.methods),
            paths: texts(to.paths),
          },
        ];
  return { from: sources, to: operations, when: [] };
}

export function authorizationPolicy(
  namespace: string,
  name: string,
  action: 'ALLOW' | 'DENY',
  rules: readonly ShortRule[],
  labels: Readonly<Record<string, string>> = {},
): AuthorizationPolicy {
  return {
    kind: 'AuthorizationPolicy',
    meta: meta(namespace, name),
    selector: { matchLabels: labels },
    targets: [],
    action,
    provider: '',
    dryRun: false,
    rules: rules.map(rule),
  };
}

/** One trusted issuer with every default. */
export function jwtRule(issuer: string, keys: KeySource, more: Partial<JwtRule> = {}): JwtRule {
  return {
    issuer,
    audiences: [],
    keys,
    timeoutMs: 5_000,
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    forwardOriginalToken: false,
    outputPayloadToHeader: '',
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
    ...more,
  };
}

export function requestAuthentication(
  namespace: string,
  name: string,
  rules: readonly JwtRule[],
  labels: Readonly<Record<string, string>> = {},
): RequestAuthentication {
  return {
    kind: 'RequestAuthentication',
    meta: meta(namespace, name),
    selector: { matchLabels: labels },
    targets: [],
    rules,
  };
}

/** An external authorizer with every default, on port 80 of a service. */
export function httpAuthorizer(name: string, host: string, more: Partial<ExtAuthzHttp> = {}): ExtAuthzHttp {
  return {
    kind: 'http',
    name,
    service: host,
    port: 80,
    timeoutMs: 600_000,
    failOpen: false,
    statusOnError: 403,
    body: undefined,
    clearRouteCache: false,
    pathPrefix: '',
    includeRequestHeadersInCheck: [],
    includeAdditionalHeadersInCheck: {},
    headersToUpstreamOnAllow: [],
    headersToDownstreamOnAllow: [],
    headersToDownstreamOnDeny: [],
    ...more,
  };
}

export function grpcAuthorizer(name: string, host: string, more: Partial<ExtAuthzGrpc> = {}): ExtAuthzGrpc {
  return {
    kind: 'grpc',
    name,
    service: host,
    port: 9000,
    timeoutMs: 600_000,
    failOpen: false,
    statusOnError: 403,
    body: undefined,
    clearRouteCache: false,
    ...more,
  };
}

/** A snapshot of these objects, as a source would have made it. */
export function snapshotOf(objects: readonly MeshObject[]): Snapshot {
  return new Store(defaultMesh).commit([{ type: 'reset', objects }]).snapshot;
}

export function sidecar(workload: Workload, more: Partial<Proxy> = {}): Proxy {
  const { name, namespace } = workload.meta;
  const ip = workload.addresses[0] ?? '';
  return {
    id: `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    kind: 'sidecar',
    ip,
    name,
    namespace,
    serviceAccount: workload.serviceAccount,
    labels: workload.labels,
    routes: 'vhds',
    ...more,
  };
}

/** A traffic policy that says nothing. */
export const noPolicy: TrafficPolicy = {
  tls: undefined,
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  ports: new Map(),
  proxyProtocol: undefined,
  retryBudget: undefined,
  tunnel: undefined,
};

/** Limits none of which is set. */
export const noPool: ConnectionPool = {
  maxConnections: undefined,
  connectTimeoutMs: undefined,
  keepalive: undefined,
  maxConnectionDurationMs: undefined,
  tcpIdleTimeoutMs: undefined,
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  httpIdleTimeoutMs: undefined,
  h2Upgrade: 'DEFAULT',
  useClientProtocol: false,
  maxConcurrentStreams: undefined,
  http2KeepAlive: undefined,
};

export function destinationRule(
  namespace: string,
  name: string,
  host: string,
  trafficPolicy: TrafficPolicy | undefined,
  more: Partial<DestinationRule> = {},
): DestinationRule {
  return {
    kind: 'DestinationRule',
    meta: meta(namespace, name),
    host,
    trafficPolicy,
    subsets: [],
    exportTo: 'all',
    workloadSelector: undefined,
    ...more,
  };
}

/** A ServiceEntry of one host, outside of the mesh, that keeps the addresses of connections. */
export function serviceEntry(
  namespace: string,
  name: string,
  host: string,
  ports: readonly (readonly [port: number, targetPort: number, protocol: Protocol])[],
  more: Partial<ServiceEntry> = {},
): ServiceEntry {
  return {
    kind: 'ServiceEntry',
    meta: meta(namespace, name),
    hosts: [host],
    addresses: [],
    blocks: [],
    ports: ports.map(([port, targetPort, protocol]) => ({ name: `${protocol}-${port}`, port, targetPort, protocol })),
    location: 'external',
    resolution: 'NONE',
    endpoints: [],
    workloadSelector: undefined,
    exportTo: 'all',
    subjectAltNames: [],
    ...more,
  };
}

/** An endpoint that stands in a ServiceEntry; without a service account, it has no identity and no sidecar. */
export function entryEndpoint(
  namespace: string,
  address: string,
  more: Partial<EntryEndpoint['workload']> = {},
): EntryEndpoint {
  const { serviceAccount = '' } = more;
  const tlsMode = serviceAccount === '' ? 'disabled' : 'istio';
  const plain = { kind: 'WorkloadEntry', labels: {}, serviceAccount, tlsMode } as const;
  return { address, weight: undefined, workload: pod(namespace, 'entry', address, { ...plain, ...more }) };
}

/** The Sidecar of a whole namespace, which says nothing. */
/** One port that a Sidecar takes in, to its own port of the pod. */
export function ingress(number: number, protocol: Protocol, more: Partial<IngressListener> = {}): IngressListener {
  return {
    port: { number, name: '', protocol },
    bind: '',
    captureMode: 'DEFAULT',
    defaultEndpoint: undefined,
    connectionPool: undefined,
    ...more,
  };
}

export function sidecarResource(namespace: string, name: string, more: Partial<Sidecar> = {}): Sidecar {
  return {
    kind: 'Sidecar',
    meta: meta(namespace, name),
    selector: { matchLabels: {} },
    ingress: [],
    egress: undefined,
    inboundConnectionPool: undefined,
    outboundPolicy: undefined,
    ...more,
  };
}

/** All of a service, for a client of which nothing is said. */
export function wholePart({ addresses }: { readonly addresses: readonly string[] }): ClientsPart {
  return { addresses: [...new Set(addresses)], destination: undefined, client: 'sidecar', aliases: [] };
}
