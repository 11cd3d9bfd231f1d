import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import type { Mesh } from './e2e-mesh.ts';
import { toYaml, worldManifests } from './e2e-world.ts';
import { eventually } from './sandbox.ts';

const home = fileURLToPath(new URL('../../', import.meta.url));

/** Folder of the authorizer that `make ext-authz` builds: its version stands in the Go module that it is built from. */
function foreignFolder(): string {
  const module = readFileSync(`${home}scripts/setup/ext-authz/go.mod`, 'utf8');
  const version = /istio\.io\/istio v(\S+)/.exec(module)?.[1] ?? '';
  const folder = `${home}.tools/ext-authz-${version}`;
  if (!existsSync(`${folder}/extauthz`)) {
    throw new Error(`no authorizer in ${folder}; \`make ext-authz\` builds it`);
  }
  return folder;
}

const metadata = { name: 'foreign', namespace: 'bar' };
const ports = { grpc: 9_000, http: 8_000 } as const;
const service = 'foreign.bar.svc.cluster.local';
const told = 'x-ext-authz-check-result';

const providers = [
  { name: 'foreign-grpc', envoyExtAuthzGrpc: { service, port: ports.grpc } },
  {
    name: 'foreign-http',
    envoyExtAuthzHttp: {
      service,
      port: ports.http,
      includeRequestHeadersInCheck: ['x-ext-authz'],
      headersToUpstreamOnAllow: [told],
      headersToDownstreamOnDeny: [told],
    },
  },
];

/** The world with a pod, which has a sidecar, for an external authorizer that we did not write: {@link startForeign}. */
export function withForeignAuthorizer(): Partial<UpOptions> & { readonly meshYaml: string } {
  const container = { name: 'foreign', image: 'example/foreign' };
  const containerPorts = Object.values(ports).map((containerPort) => ({ containerPort }));
  const servicePorts = Object.entries(ports).map(([name, port]) => ({ name, port }));
  const pod = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: 'foreign' } },
      spec: { serviceAccountName: 'foreign', containers: [{ ...container, ports: containerPorts }] },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'foreign' }, ports: servicePorts } },
  ];
  return {
    manifests: [{ file: 'world.yaml', yaml: `${worldManifests()}\n---\n${toYaml(pod)}` }],
    appDirs: [`${home}test/e2e/apps`, foreignFolder()],
    meshYaml: JSON.stringify({ extensionProviders: providers }),
  };
}

/** Runs the authorizer in its pod: it allows `x-ext-authz: allow`, and where that header is missing, service accounts named `sleep`. */
export async function startForeign({ sandbox }: Mesh): Promise<AsyncDisposable> {
  const flags = ['-allow_service_account=sleep', `-grpc=${ports.grpc}`, `-http=${ports.http}`];
  const child = sandbox.spawn('foreign.bar', [sandbox.insidePath('apps/1/extauthz'), ...flags]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  child.stdout.resume();
  await eventually('the authorizer to listen', () => {
    if (child.exitCode !== null) throw new Error(`the authorizer ended: ${said}`);
    return /Starting gRPC server/.test(said) && /Starting HTTP server/.test(said) ? true : undefined;
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined;
      child.kill();
      await closed;
    },
  };
}
