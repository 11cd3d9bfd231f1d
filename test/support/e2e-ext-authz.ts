import { fileURLToPath } from 'node:url';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import type { Mesh } from './e2e-mesh.ts';
import type { PolicyObject } from './e2e-policies.ts';
import { isAnswer } from './e2e-probe.ts';
import { toYaml, worldManifests } from './e2e-world.ts';

const home = fileURLToPath(new URL('../../', import.meta.url));

/** Providers by name, as the mesh settings have them. */
const providers = [
  grpc('grpc', 'authz', 9000, {
    timeout: '1s',
    includeRequestBodyInCheck: { maxRequestBytes: 8, allowPartialMessage: true },
  }),
  // Its name begins like another's, and what it matches is its own.
  grpc('grpc-2', 'authz', 9000, {}),
  http('http', 'authz', {}),
  grpc('down', 'nobody', 9000, {}),
  grpc('down-open', 'nobody', 9000, { failOpen: true }),
  grpc('down-503', 'nobody', 9000, { statusOnError: '503' }),
  grpc('unreachable', 'authz', 9999, {}),
];

function grpc(name: string, service: string, port: number, more: object): object {
  return { name, envoyExtAuthzGrpc: { service: `${service}.bar.svc.cluster.local`, port, ...more } };
}

function http(name: string, service: string, more: object): object {
  return {
    name,
    envoyExtAuthzHttp: {
      service: `${service}.bar.svc.cluster.local`,
      port: 8000,
      pathPrefix: '/check',
      includeRequestHeadersInCheck: ['x-ext-authz'],
      includeAdditionalHeadersInCheck: { 'x-from': 'the-mesh' },
      headersToUpstreamOnAllow: ['x-ext-authz-result', 'x-ext-authz-path', 'x-ext-authz-from'],
      headersToDownstreamOnDeny: ['x-ext-authz-result'],
      ...more,
    },
  };
}

/** The world with an authorizer in it, which has a sidecar, and a service that leads to nobody. */
export const withAuthorizer: Partial<UpOptions> & { readonly meshYaml: string } = {
  manifests: [{ file: 'world.yaml', yaml: `${worldManifests()}\n---\n${toYaml(authorizer())}` }],
  appDirs: [`${home}test/e2e/apps`, `${home}examples/apps`],
  meshYaml: JSON.stringify({ extensionProviders: providers }),
};

function authorizer(): readonly object[] {
  const metadata = { name: 'authz', namespace: 'bar' };
  const ports = [
    { name: 'grpc', port: 9000 },
    { name: 'http', port: 8000 },
  ];
  const containers = [
    { name: 'authz', image: 'example/ext-authz', ports: ports.map(({ port }) => ({ containerPort: port })) },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        labels: { app: 'authz' },
        annotations: { 'sandbox.coxswain.dev/command': 'ext-authz --tcp allow' },
      },
      spec: { serviceAccountName: 'authz', containers },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'authz' }, ports } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'nobody' },
      spec: { selector: { app: 'nobody' }, ports },
    },
  ];
}

/** A CUSTOM policy for the server of `foo`. */
export function ask(provider: string, rules: readonly object[], name = provider): PolicyObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'foo' },
    spec: { selector: { matchLabels: { app: 'server' } }, action: 'CUSTOM', provider: { name: provider }, rules },
  };
}

/** What a request came to: the status, and what the application was told of its authorizer. */
export async function call(
  mesh: Mesh,
  path: string,
  wish: string | undefined,
  more: { readonly body?: string; readonly client?: string } = {},
): Promise<string> {
  const headers = { host: 'server.foo', ...(wish === undefined ? {} : { 'x-ext-authz': wish }) };
  const { client = 'sleep.foo', body } = more;
  const method = body === undefined ? 'GET' : 'POST';
  const answer = await mesh
    .probe(client)
    .ask('http', { host: 'server.foo', port: 80, path, method, headers, ...(body !== undefined && { body }) });
  if (!isAnswer(answer)) return answer.error;
  if (answer.status !== 200) return `${answer.status} ${answer.body.trim()}`;
  const seen: unknown = JSON.parse(answer.body).headers;
  const told = Object.entries(Object(seen))
    .filter(([name]) => name.startsWith('x-ext-authz-'))
    .sort();
  return [200, ...told.map(([name, value]) => `${name.slice(12)}=${value}`)].join(' ');
}
