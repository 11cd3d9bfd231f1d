import type { Writer } from './kube-editor.ts';
import type { PollMode } from './kube-poller.ts';

/** A policy that is edited to and fro, and who feels it. */
export interface Series {
  readonly id: string;
  readonly title: string;
  readonly writer: Writer;
  /** Of its collection. */
  readonly path: string;
  readonly name: string;
  /** Both states; the first call of all is with `false`. */
  readonly object: (on: boolean) => object;
  readonly pod: string;
  readonly mode: PollMode;
  readonly url: string;
  /** What the pod hears in each state. */
  readonly answers: { readonly on: string; readonly off: string };
  /** Waits after each edit until the object's status says Enforced: a fifth of the edits, since status takes its time. */
  readonly status: boolean;
}

const url = 'http://server.foo:8000/headers';
const group = '/apis/security.istio.io/v1';

interface PolicyParts {
  readonly kind: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly spec: (on: boolean) => object;
}

function policy({ kind, plural, namespace, name, spec }: PolicyParts): Pick<Series, 'path' | 'name' | 'object'> {
  const head = { apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace } };
  const path = `${group}/namespaces/${namespace}/${plural}`;
  return { path, name, object: (on) => ({ ...head, spec: spec(on) }) };
}

const selector = { matchLabels: { app: 'server' } };

function denyPath(name: string): Pick<Series, 'path' | 'name' | 'object'> {
  const spec = (on: boolean): object => ({
    selector,
    action: 'DENY',
    rules: [{ to: [{ operation: { paths: [on ? '/headers' : '/elsewhere'] } }] }],
  });
  return policy({ kind: 'AuthorizationPolicy', plural: 'authorizationpolicies', namespace: 'foo', name, spec });
}

function mtlsMode(namespace: string, scope: object): Pick<Series, 'path' | 'name' | 'object'> {
  const spec = (on: boolean): object => ({ ...scope, mtls: { mode: on ? 'STRICT' : 'PERMISSIVE' } });
  return policy({ kind: 'PeerAuthentication', plural: 'peerauthentications', namespace, name: 'default', spec });
}

const denied = { pod: 'client.foo', mode: 'keep-alive', url, answers: { on: '403', off: '200' } } as const;
const refused = { pod: 'client.legacy', mode: 'connect', url, answers: { on: 'ECONNRESET', off: '200' } } as const;
const program = { writer: 'program', status: false } as const;

/** What is measured, in this order. */
export const enforcementSeries: readonly Series[] = [
  {
    id: 'deny-kubectl',
    title: 'workload DENY of a path, kubectl apply',
    writer: 'kubectl',
    status: false,
    ...denyPath('bench-kubectl'),
    ...denied,
  },
  {
    id: 'deny-program',
    title: 'workload DENY of a path, open connection',
    ...program,
    ...denyPath('bench'),
    ...denied,
  },
  {
    id: 'deny-status',
    title: 'the same, and its status',
    ...program,
    ...denyPath('bench-status'),
    ...denied,
    status: true,
  },
  {
    id: 'mtls-workload',
    title: 'workload STRICT and PERMISSIVE',
    ...program,
    ...mtlsMode('foo', { selector }),
    ...refused,
  },
  {
    id: 'mtls-mesh',
    title: 'mesh-wide STRICT and PERMISSIVE',
    ...program,
    ...mtlsMode('istio-system', {}),
    ...refused,
  },
];

function workload(namespace: string, name: string, command: string, ports: readonly number[]): readonly object[] {
  const labels = { app: name };
  const container = { name, image: 'example/app:1', ports: ports.map((containerPort) => ({ containerPort })) };
  const template = {
    metadata: { labels, ...(command === '' ? {} : { annotations: { 'sandbox.coxswain.dev/command': command } }) },
    spec: {
      serviceAccountName: name,
      containers: [{ ...container, ...(command === '' ? { command: ['/bin/sleep', 'infinity'] } : {}) }],
    },
  };
  const metadata = { name, namespace };
  const service = { selector: labels, ports: ports.map((port) => ({ name: 'http', port })) };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...(ports.length === 0 ? [] : [{ apiVersion: 'v1', kind: 'Service', metadata, spec: service }]),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    },
  ];
}

/** A server and a client in the mesh, and a client outside. */
export const enforcementWorld: string = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'foo', labels: { 'istio-injection': 'enabled' } } },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'legacy' } },
  ...workload('foo', 'server', 'httpbin --port 8000', [8000]),
  ...workload('foo', 'client', '', []),
  ...workload('legacy', 'client', '', []),
]
  .map((object) => JSON.stringify(object))
  .join('\n---\n');
